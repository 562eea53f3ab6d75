/* SPDX-License-Identifier: MIT
 * Certificate and key, as OpenSSL reads them. */
#include "edge/tls.h"

#include "base/err.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/* No passphrase: else OpenSSL would ask for one on the terminal. */
// NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL gives the type
static int no_passphrase(char *out, int size, int writing, void *data) {
  (void)out, (void)size, (void)writing, (void)data;
  return 0;
}

static int fail(struct buf *error, const char *option, const char *path) {
  const char *why = ERR_reason_error_string(ERR_peek_error());
  buf_printf(error, "%s: %s: %s", option, path, why ? why : "not readable");
  return ERR_CONFIG;
}

int tls_check(const char *cert, const char *key, struct buf *error) {
  int err = 0;
  ERR_clear_error();
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  if (!ctx)
    return fail(error, "tls.cert", cert);
  SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
  if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
    err = fail(error, "tls.cert", cert);
  else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
           SSL_CTX_check_private_key(ctx) != 1)
    err = fail(error, "tls.key", key);
  SSL_CTX_free(ctx);
  ERR_clear_error();
  return err;
}
