/* SPDX-License-Identifier: MIT
 * What the configuration gave as key, and what it can do beside verifying:
 * sign, if it is a secret or a private key. Counted, read-only once made. */
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

/* A text that says how auth.secret was probably meant, judged by a token that
 * it does not verify but another reading of it does; NULL: no idea. */
const char *signing_hint(const struct signing *signing,
                         enum jwt_algorithm algorithm, const char *text,
                         size_t len, const unsigned char *signature,
                         size_t signature_len);

#endif
