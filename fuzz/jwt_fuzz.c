/* SPDX-License-Identifier: MIT
 * Tokens of strangers: as they come, and with claims that we have signed, so
 * that the checks behind the signature are reached too. */
#include "auth/jwt.h"
#include "base/mem.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1700000000 };

static const char public_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEbi0RLenvo/tlQNK23xihTvbqwFdJ\n"
    "26R9ZU8ykRIAziOY/BbK5OUu/3pMoMB4vZ7w7nFjNRYCn7c91iqyyO+V4Q==\n"
    "-----END PUBLIC KEY-----\n";

static struct jwt_key *new_key(enum jwt_algorithm algorithm, const char *text,
                               const char *audience) {
  struct buf error = {0}, left_out = {0};
  struct jwt_rules rules = {
      .algorithm = algorithm,
      .key = text,
      .len = strlen(text),
      .claims = {.audience = audience, .leeway_s = 5},
      .token_bytes = 16384,
  };
  struct jwt_key *key = jwt_key_new(&rules, &left_out, &error);
  if (!key)
    abort();
  return key;
}

static int verify(const struct jwt_key *key, const char *token, size_t len) {
  struct jwt_claims claims;
  int result = jwt_verify(key, token, len, NOW, &claims);
  if (result < 0 && !(claims.why && !claims.user && !claims.json))
    abort();
  if (result == 0 && !(claims.user && claims.user[0] && claims.json))
    abort();
  jwt_claims_free(&claims);
  return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct jwt_key *hmac, *strict, *pem;
  if (!hmac) {
    hmac = new_key(JWT_HS256, "0123456789abcdef0123456789abcdef", NULL);
    strict = new_key(JWT_HS256, "0123456789abcdef0123456789abcdef", "us");
    pem = new_key(JWT_ES256, public_pem, NULL);
  }
  (void)!verify(hmac, (const char *)data, size);
  if (verify(pem, (const char *)data, size) == 0)
    abort(); /* nobody has the private key */
  char *token, *claims = mem_strndup((const char *)data, size);
  if (jwt_sign(hmac, claims, &token) == 0) {
    (void)!verify(hmac, token, strlen(token));
    (void)!verify(strict, token, strlen(token));
    mem_free(token);
  }
  mem_free(claims);
  return 0;
}
