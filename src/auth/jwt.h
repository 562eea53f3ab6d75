/* SPDX-License-Identifier: MIT
 * A token checked against a key and a clock.
 *
 * A key knows one algorithm, and a token that names another one is refused
 * before anything is computed: else a public RSA key would do as an HMAC
 * secret. Claims are checked where the rules name them; `exp` and `nbf` always.
 * A key is read-only once made: threads may share it. */
#ifndef AUTH_JWT_H
#define AUTH_JWT_H

#include "base/attr.h"
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* In the order of the choices of the option auth.algorithm. */
enum jwt_algorithm {
  JWT_HS256,
  JWT_HS384,
  JWT_HS512,
  JWT_RS256,
  JWT_RS384,
  JWT_RS512,
  JWT_ES256,
  JWT_ES384,
  JWT_ES512
};

enum {
  JWT_TOKEN_BYTES = 4096, /* of the longest token that is looked at */
  JWT_USER_BYTES = 128    /* of the longest user id */
};

/* All is copied by jwt_key_new. An empty text and NULL mean the same. */
struct jwt_rules {
  enum jwt_algorithm algorithm;
  const void *key; /* HS: the secret; RS, ES: PEM text */
  size_t len;
  const char *user_claim; /* empty: the first of `sub`, `id` */
  const char *issuer;     /* required `iss`; empty: not checked */
  const char *audience;   /* required in `aud`; empty: not checked */
  int64_t leeway_s;       /* tolerated difference between clocks */
};

struct jwt_key;

struct jwt_claims {
  char *user;      /* zero-terminated UTF-8 without control characters */
  int64_t expires; /* `exp`, seconds since 1970; 0: the token has none */
  char *json;      /* all claims, as they stand in the token */
  const char *why; /* static: why it was refused, for the log */
};

/* Returns the key, to be freed with jwt_key_free; or NULL, with the reason
 * appended to `error`, when the key does not fit the algorithm. A PEM text may
 * hold the public key, which verifies, or the private one, which also signs.
 * How long an HMAC secret should be is not decided here. */
MUST_CHECK struct jwt_key *jwt_key_new(const struct jwt_rules *rules,
                                       struct buf *error);

/* Accepts NULL. Wipes the key. */
void jwt_key_free(struct jwt_key *key);

/* The claim that tokens for this key should name the user with. */
const char *jwt_user_claim(const struct jwt_key *key);

/* Checks `token` at the time `now` (seconds since 1970). Returns 0 and fills
 * `out`, to be freed with jwt_claims_free; or ERR_INVALID_TOKEN or
 * ERR_TOKEN_EXPIRED, with only out->why set. */
MUST_CHECK int jwt_verify(const struct jwt_key *key, const char *token,
                          size_t len, int64_t now, struct jwt_claims *out);

/* Frees what is in `claims`; harmless after a failed jwt_verify. */
void jwt_claims_free(struct jwt_claims *claims);

/* Makes a token of a JSON object. Returns 0 and the token, to be freed with
 * mem_free; ERR_BAD_JSON when the claims are no object; ERR_CONFIG when the
 * key can only verify. */
MUST_CHECK int jwt_sign(const struct jwt_key *key, const char *claims_json,
                        char **token);

#endif
