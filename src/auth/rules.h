/* SPDX-License-Identifier: MIT
 * What the configuration says about tokens: keys and rules. */
#ifndef AUTH_RULES_H
#define AUTH_RULES_H

#include "auth/claims.h"
#include "auth/keyset.h"

/* All is copied by jwt_key_new. */
struct jwt_rules {
  /* The algorithm that tokens of `key` are signed with, and sign uses. */
  enum jwt_algorithm algorithm;
  const void *key;  /* HS: the secret; else PEM, or a JWKS as below */
  size_t len;       /* 0: no such key */
  const char *jwks; /* a JWKS text whose keys say themselves what they are for;
                     * NULL: none */
  size_t jwks_len;
  struct jwks_rules jwks_rules;
  /* JWT_BIT of what keys may be for that jwt_key_publish_take brings later; 0:
   * none come. */
  uint32_t awaited;
  struct claim_rules claims;
  size_t token_bytes; /* of the longest token that is looked at */
};

#endif
