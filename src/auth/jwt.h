/* SPDX-License-Identifier: MIT
 * A token checked against keys and a clock.
 *
 * A struct jwt_key is all that the configuration says about tokens: keys and
 * rules. Threads share it; the keys in it may be replaced while they do. A
 * token names an algorithm and perhaps a key; whether that key is for that
 * algorithm is decided before anything is computed. */
#ifndef AUTH_JWT_H
#define AUTH_JWT_H

#include "auth/claims.h"
#include "auth/refill.h"
#include "auth/rules.h"

struct jwt_key;

/* Returns the key, to be freed with jwt_key_free; or NULL, with the reason
 * appended to `error`, when one does not fit its algorithm, or there is none
 * and none is awaited. A PEM text may hold public keys and certificates, which
 * verify, or a private key, which also signs. Keys of a JWKS that are of no use
 * are left out: why goes to `left_out`. How long an HMAC secret should be is
 * not decided here. */
MUST_CHECK struct jwt_key *jwt_key_new(const struct jwt_rules *rules,
                                       struct buf *left_out, struct buf *error);

/* Accepts NULL. Wipes the keys. */
void jwt_key_free(struct jwt_key *key);

/* Puts the keys that `other` was made with in the place of those that `key` was
 * made with, and what published keys may be for; frees `other`. Rules of claims
 * and the published keys stay. From any thread. */
void jwt_key_replace_take(struct jwt_key *key, struct jwt_key *other);

/* Puts the keys of a publisher in the place of those it had before. From any
 * thread. */
void jwt_key_publish_take(struct jwt_key *key, struct keyset *set);

/* Asks the one who fetches keys, see auth/refill; NULL when none are awaited.
 */
struct refill *jwt_key_refill(const struct jwt_key *key);

/* How many keys there are, published ones included. */
size_t jwt_key_count(const struct jwt_key *key);

/* The claim that tokens for this key should name the user with. */
const char *jwt_user_claim(const struct jwt_key *key);

/* Checks `token` at the time `now` (seconds since 1970). Returns 0 and fills
 * `out`, to be freed with jwt_claims_free; or what claims_check may return,
 * with nothing in `out` to be freed. */
MUST_CHECK int jwt_verify(const struct jwt_key *key, const char *token,
                          size_t len, int64_t now, struct jwt_claims *out);

/* Makes a token of a JSON object. Returns 0 and the token, to be freed with
 * mem_free; ERR_BAD_JSON when the claims are no object; ERR_CONFIG when the
 * key can only verify. */
MUST_CHECK int jwt_sign(const struct jwt_key *key, const char *claims_json,
                        char **token);

#endif
