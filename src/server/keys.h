/* SPDX-License-Identifier: MIT
 * The keys of tokens, as the process has them: read at the start and again
 * with each reload. All on the main thread. */
#ifndef SERVER_KEYS_H
#define SERVER_KEYS_H

#include "auth/key.h"

struct keys {
  struct jwt_key *key;  /* for all threads */
  struct jwt_key *next; /* of keys_read; NULL: none */
};

/* 0; or ERR_CONFIG with the reason in `error`, and nothing to be freed. */
MUST_CHECK int keys_load(struct keys *keys, const struct config *config,
                         struct buf *error);

/* Reads the keys of a configuration that is to be live, and their files. 0; or
 * ERR_CONFIG with the reason in `error`. Then keys_use, or keys_drop. */
MUST_CHECK int keys_read(struct keys *keys, const struct config *config,
                         struct buf *error);

/* Tokens are verified with what keys_read has read from now on. */
void keys_use(struct keys *keys);

/* The keys stay as they are. Also without keys_read. */
void keys_drop(struct keys *keys);

void keys_free(struct keys *keys);

#endif
