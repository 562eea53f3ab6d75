/* SPDX-License-Identifier: MIT
 * The key that was configured. It verifies, and it signs, too, when it is a
 * secret or a private key. Counted, and read-only once made. */
#ifndef AUTH_SIGNING_H
#define AUTH_SIGNING_H

#include "auth/rules.h"

/* The header that nearly every library writes has this length in base64. */
enum { SIGNING_HEADER_CHARS = 36 };

struct signing {
  _Atomic unsigned refs;
  struct keyset *set;
  enum jwt_algorithm algorithm;
  char *text; /* secret or private PEM; NULL: can only verify */
  size_t len;
  EVP_PKEY *private;                     /* what `text` is, if it is PEM */
  char header[SIGNING_HEADER_CHARS + 1]; /* the usual one of `algorithm` */
};

/* As jwt_key_new. */
MUST_CHECK struct signing *signing_new(const struct jwt_rules *rules,
                                       struct buf *left_out, struct buf *error);

struct signing *signing_ref(struct signing *signing);

/* Accepts NULL. Wipes the key. */
void signing_unref(struct signing *signing);

/* As jwt_sign. */
MUST_CHECK int signing_sign(const struct signing *signing, const char *claims,
                            char **token);

/* Looks for another reading of auth.secret, such as base64, by which this token
 * would be good. Returns a text that says how the secret was probably meant, or
 * NULL. */
const char *signing_hint(const struct signing *signing,
                         enum jwt_algorithm algorithm, const char *text,
                         size_t len, const unsigned char *signature,
                         size_t signature_len);

#endif
