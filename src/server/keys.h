/* SPDX-License-Identifier: MIT
 * The keys of tokens, as the process has them: read at the start and again
 * with each reload. All on the main thread. */
#ifndef SERVER_KEYS_H
#define SERVER_KEYS_H

#include "auth/key.h"

struct keys {
  const struct config *config; /* borrowed */
  struct jwt_key *key;         /* for all threads */
};

/* 0; or ERR_CONFIG with the reason in `error`, and nothing to be freed. */
MUST_CHECK int keys_load(struct keys *keys, const struct config *config,
                         struct buf *error);

/* Reads the key files again, and says in the log what came of it. What cannot
 * be read changes nothing. */
void keys_reread(struct keys *keys);

void keys_free(struct keys *keys);

#endif
