/* SPDX-License-Identifier: MIT
 * The keys of tokens, as the process has them.
 *
 * They are read at the start and with each reload. Those of auth.jwks_url are
 * fetched then, too, and from time to time, and when a token names a key that
 * nobody knows. All of it happens on the main thread. When keys cannot be read
 * or fetched, the old keys go on. */
#ifndef SERVER_KEYS_H
#define SERVER_KEYS_H

#include "auth/key.h"

#include <uv.h>

struct fetch;
struct fetcher;

struct keys {
  const struct config *config;      /* borrowed; of the start: FIXED options */
  struct jwks_rules published;      /* for what is fetched from auth.jwks_url */
  struct jwks_rules next_published; /* of keys_read */
  struct jwt_key *key;              /* for all threads */
  struct jwt_key *next;             /* of keys_read; NULL: none */
  uint64_t fetched, failed;         /* fetches of auth.jwks_url */
  struct fetcher *fetcher;          /* NULL: nothing is fetched */
  struct fetch *fetch;              /* under way, or NULL */
  uv_async_t wanted;
  uv_timer_t again;
};

/* Reads the keys for the first time. Returns 0; or ERR_CONFIG with the reason
 * in `error`, and there is nothing to be freed. */
MUST_CHECK int keys_load(struct keys *keys, const struct config *config,
                         struct buf *error);

/* Reads the keys, and their files, of a configuration that is to be live.
 * Returns 0, or ERR_CONFIG with the reason in `error`. Call keys_use or
 * keys_drop next.
 */
MUST_CHECK int keys_read(struct keys *keys, const struct config *config,
                         struct buf *error);

/* From now on tokens are verified with what keys_read has read. Those of
 * auth.jwks_url are fetched again. */
void keys_use(struct keys *keys);

/* Forgets what keys_read has read, if anything: the keys stay as they are. */
void keys_drop(struct keys *keys);

/* Starts to fetch, where that is configured; opens handles on the loop. Call it
 * before anybody is let in, so that the first tokens wait for the first keys.
 */
void keys_start(struct keys *keys, uv_loop_t *loop);

/* Closes the handles, if keys_start has opened any. */
void keys_close(struct keys *keys);

/* Call it when the loop has ended. */
void keys_free(struct keys *keys);

#endif
