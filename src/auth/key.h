/* SPDX-License-Identifier: MIT
 * The keys for tokens that the configuration names. */
#ifndef AUTH_KEY_H
#define AUTH_KEY_H

#include "auth/jwt.h"
#include "base/attr.h"
#include "base/buf.h"
#include "config/config.h"

/* Makes the keys of auth.*. A key that is no secret is read from `pem_path`,
 * or, where that is NULL, from auth.public_key_file. A secret from a file, or
 * in base64, must be as long as its hash; check_config judges the length of a
 * secret that stands in auth.secret as it is. What is strange about a key is a
 * line in the log. Returns the key, to be freed with jwt_key_free; or NULL
 * with the reason appended to `error`. */
MUST_CHECK struct jwt_key *key_load(const struct config *cfg,
                                    const char *pem_path, struct buf *error);

/* What the keys of auth.jwks_url may be used for. */
struct jwks_rules key_published_rules(const struct config *cfg);

#endif
