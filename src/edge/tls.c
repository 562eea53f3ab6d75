/* SPDX-License-Identifier: MIT
 * OpenSSL's context. */
#include "edge/tls.h"

#include "base/err.h"
#include "edge/tickets.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <string.h>

/* No passphrase: else OpenSSL would ask for one on the terminal. */
// NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL gives the type
static int no_passphrase(char *out, int size, int writing, void *data) {
  (void)out, (void)size, (void)writing, (void)data;
  return 0;
}

static int fail_tls(struct buf *error, const char *option, const char *path) {
  const char *why = ERR_reason_error_string(ERR_peek_error());
  buf_printf(error, "%s: %s: %s", option, path, why ? why : "not readable");
  return ERR_CONFIG;
}

/* A context that has only read the files; NULL with a reason in `error`. */
static SSL_CTX *read_files(const char *cert, const char *key,
                           struct buf *error) {
  ERR_clear_error();
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  if (!ctx) {
    fail_tls(error, "tls.cert", cert);
    return NULL;
  }
  SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
  if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
    fail_tls(error, "tls.cert", cert);
  else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
           SSL_CTX_check_private_key(ctx) != 1)
    fail_tls(error, "tls.key", key);
  else
    return ctx;
  SSL_CTX_free(ctx);
  ERR_clear_error();
  return NULL;
}

/* Who names protocols, and not ours, cannot talk to us. */
static int choose_protocol(SSL *tls, const unsigned char **out,
                           unsigned char *out_len, const unsigned char *in,
                           unsigned in_len, void *arg) {
  static const unsigned char ours[] = "\x08http/1.1";
  unsigned char *found;
  (void)tls, (void)arg;
  if (SSL_select_next_proto(&found, out_len, ours, sizeof ours - 1, in,
                            in_len) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = found;
  return SSL_TLSEXT_ERR_OK;
}

static bool is_for_tls_1_3(const SSL_CIPHER *cipher) {
  return SSL_CIPHER_get_protocol_id(cipher) >> 8 == 0x13;
}

/* What the system's configuration of OpenSSL allows, but the one with AES-128
 * and SHA-256 first: processors have that hash built in, and the keys of a
 * handshake of TLS 1.3 are some hundred blocks of it. We choose, except that
 * who begins with ChaCha20 has no AES built in. */
static void prefer_sha256(SSL_CTX *ctx) {
  static const char first[] = "TLS_AES_128_GCM_SHA256";
  STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
  struct buf names = {0}, others = {0};
  for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
    const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(all, i);
    const char *name = SSL_CIPHER_get_name(cipher);
    if (is_for_tls_1_3(cipher))
      buf_printf(strcmp(name, first) ? &others : &names, "%s:", name);
  }
  buf_put(&names, others.data, others.len);
  if (names.len > 0) {
    names.data[names.len - 1] = '\0';
    SSL_CTX_set_ciphersuites(ctx, names.data);
  }
  buf_free(&names);
  buf_free(&others);
  SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_PRIORITIZE_CHACHA);
}

SSL_CTX *tls_new(const char *cert, const char *key, struct buf *error) {
  SSL_CTX *ctx = read_files(cert, key, error);
  if (!ctx)
    return NULL;
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  prefer_sha256(ctx);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
  tickets_use(ctx);
  return ctx;
}

/* Until when it is valid, "Jan 31 12:00:00 2026 GMT". */
static void put_end(struct buf *out, const X509 *cert) {
  BIO *text = BIO_new(BIO_s_mem());
  char *data;
  if (text && ASN1_TIME_print(text, X509_get0_notAfter(cert)) == 1) {
    long len = BIO_get_mem_data(text, &data);
    buf_put(out, data, (size_t)len);
  }
  BIO_free(text);
}

int tls_renew(SSL_CTX *live, const char *cert, const char *key,
              struct buf *text) {
  STACK_OF(X509) *chain = NULL;
  SSL_CTX *ctx = read_files(cert, key, text);
  if (!ctx)
    return ERR_CONFIG;
  int result = 0;
  X509 *leaf = SSL_CTX_get0_certificate(ctx);
  if (X509_cmp(leaf, SSL_CTX_get0_certificate(live)) == 0)
    goto out;
  SSL_CTX_get0_chain_certs(ctx, &chain);
  /* All three at once: a handshake never sees one without the others. */
  if (SSL_CTX_use_cert_and_key(live, leaf, SSL_CTX_get0_privatekey(ctx), chain,
                               1) == 1) {
    put_end(text, leaf);
    result = TLS_RENEWED;
  } else {
    result = fail_tls(text, "tls.cert", cert);
  }
out:
  SSL_CTX_free(ctx);
  ERR_clear_error();
  return result;
}
