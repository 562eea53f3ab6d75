/* SPDX-License-Identifier: MIT
 * The keys that tokens are verified with at one moment.
 *
 * One thread fills a set; then all threads read it, and nobody changes it. It
 * is counted. Whoever has newer keys puts another set in its place; whoever
 * still reads the old set keeps it until then. */
#ifndef AUTH_KEYSET_H
#define AUTH_KEYSET_H

#include "auth/sigkey.h"

enum { KEYSET_KEYS = 128, KEYSET_TEXT_BYTES = 512 * 1024 };

struct keyset;

/* Returns an empty set with one holder, the caller. */
MUST_CHECK struct keyset *keyset_new(void);

struct keyset *keyset_ref(struct keyset *set);

/* Accepts NULL. */
void keyset_unref(struct keyset *set);

size_t keyset_count(const struct keyset *set);

/* The set owns the key from now on. Returns 0, or ERR_FULL, and the key was
 * freed. */
MUST_CHECK int keyset_add_take(struct keyset *set, struct sigkey *key);

/* Returns the next key, from place `*at` on, that may have signed a token with
 * this algorithm and key id (NULL: the token names none); NULL when there is no
 * more. Moves `*at`, which begins as 0. */
const struct sigkey *keyset_next(const struct keyset *set, size_t *at,
                                 enum jwt_algorithm algorithm, const char *id);

/* Whether one of them has this id. */
bool keyset_has_id(const struct keyset *set, const char *id);

/* Adds the keys of a PEM text, each for those of `algorithms` that its type
 * allows: public keys, certificates (but those that issued the one before
 * them), a private key. ERR_CONFIG with the reason in `error`. A private key
 * goes to `*private` as well, if there is one: the caller's. */
MUST_CHECK int keyset_add_pem(struct keyset *set, const char *text, size_t len,
                              uint32_t algorithms, EVP_PKEY **private,
                              struct buf *error);

struct jwks_rules {
  uint32_t algorithms;           /* that may be used at all */
  enum jwt_algorithm of_secrets; /* of a secret that names none */
  bool secrets;                  /* whether there may be secrets in it */
};

/* Adds the keys of a JWKS (RFC 7517) or of a single JWK. Those that are of no
 * use here are left out; why goes to `left_out`, a text for the log. ERR_CONFIG
 * when the text is none, or none of its keys is of use; `error` says why. */
MUST_CHECK int keyset_add_jwks(struct keyset *set, const char *text, size_t len,
                               const struct jwks_rules *rules,
                               struct buf *left_out, struct buf *error);

#endif
