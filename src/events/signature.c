/* SPDX-License-Identifier: MIT
 * The signature of what is sent to the backend. */
#include "events/signature.h"

#include "base/log.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

void signature_put(const char *secret, int64_t now_s, const char *body,
                   size_t len, struct buf *out) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned mac_len = 0;
  struct buf text = {0};
  buf_printf(&text, "%lld.", (long long)now_s);
  buf_put(&text, body, len);
  if (!HMAC(EVP_sha256(), secret, (int)strlen(secret),
            (const unsigned char *)text.data, text.len, mac, &mac_len))
    log_fatal("OpenSSL has no HMAC-SHA256");
  buf_printf(out, "t=%lld,v1=", (long long)now_s);
  for (unsigned i = 0; i < mac_len; i++)
    buf_printf(out, "%02x", mac[i]);
  buf_free(&text);
}
