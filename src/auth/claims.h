/* SPDX-License-Identifier: MIT
 * The claims of a token whose signature was found right. */
#ifndef AUTH_CLAIMS_H
#define AUTH_CLAIMS_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JWT_USER_BYTES = 128 }; /* of the longest user id */

/* Borrowed texts; empty and NULL mean the same. */
struct claim_rules {
  const char *user_claim; /* a name, or names with dots between them that lead
                           * into objects; empty: the first of `sub`, `id` */
  const char *issuer;     /* required `iss`; empty: not checked */
  const char *audience;   /* required in `aud`; empty: not checked */
  int64_t leeway_s;       /* tolerated difference between clocks */
  bool require_exp;
};

struct jwt_claims {
  char *user;       /* zero-terminated UTF-8 without control characters */
  int64_t expires;  /* `exp`, seconds since 1970; 0: the token has none */
  char *json;       /* all claims that wire/json takes, as they stand there */
  const char *why;  /* static: why it was refused, for the log */
  const char *hint; /* static, or NULL: what the operator should look at */
  int64_t wait_s;   /* refused as not valid yet: for so long. Else 0 */
  bool unknown_key; /* refused because no key has the token's key id */
};

/* Checks the text of the claims at the time `now` (seconds since 1970) and
 * fills the zeroed `out`. Returns 0; or ERR_INVALID_TOKEN, ERR_TOKEN_EXPIRED or
 * ERR_TOKEN_NOT_YET_VALID with out->why. */
MUST_CHECK int claims_check(const struct claim_rules *rules, const char *json,
                            size_t len, int64_t now, struct jwt_claims *out);

/* Reads a JSON number as a time in seconds. A time that is too far away to
 * reckon with becomes the last one that is not. Returns NULL, or why the number
 * is no time. It may say that these are milliseconds: when the number would be
 * an odd time in seconds, and would be one of our days in another unit. */
const char *claims_read_time(const char *text, size_t len, int64_t now,
                             int64_t *seconds);

/* Frees what is in `claims`. May be called after a refusal, too. */
void jwt_claims_free(struct jwt_claims *claims);

/* Whether claims, a JSON object, have that member once, and it is true. */
bool claims_say(const char *json, const char *name);

#endif
