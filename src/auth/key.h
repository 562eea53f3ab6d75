/* SPDX-License-Identifier: MIT
 * The key for tokens that the configuration names. */
#ifndef AUTH_KEY_H
#define AUTH_KEY_H

#include "auth/jwt.h"
#include "base/attr.h"
#include "base/buf.h"
#include "config/config.h"

/* Makes the key of auth.*. RS and ES keys are read from `pem_path`, or, where
 * that is NULL, from auth.public_key_file. Returns the key, to be freed with
 * jwt_key_free; or NULL with the reason appended to `error`. */
MUST_CHECK struct jwt_key *key_load(const struct config *cfg,
                                    const char *pem_path, struct buf *error);

#endif
