/* SPDX-License-Identifier: MIT
 * The keys of tokens, as the process has them: read at the start and again
 * with each reload; those of auth.jwks_url fetched then, from time to time, and
 * when a token names one that nobody knows. All on the main thread. What cannot
 * be read or fetched changes nothing: the old keys go on. */
#ifndef SERVER_KEYS_H
#define SERVER_KEYS_H

#include "auth/key.h"

#include <uv.h>

struct fetch;
struct fetcher;

struct keys {
  const struct config *config; /* borrowed */
  struct jwt_key *key;         /* for all threads */
  struct jwt_key *next;        /* of keys_read; NULL: none */
  uint64_t fetched, failed;    /* fetches of auth.jwks_url */
  struct fetcher *fetcher;     /* NULL: nothing is fetched */
  struct fetch *fetch;         /* under way, or NULL */
  uv_async_t wanted;
  uv_timer_t again;
};

/* 0; or ERR_CONFIG with the reason in `error`, and nothing to be freed. */
MUST_CHECK int keys_load(struct keys *keys, const struct config *config,
                         struct buf *error);

/* Reads the keys of a configuration that is to be live, and their files. 0; or
 * ERR_CONFIG with the reason in `error`. Then keys_use, or keys_drop. */
MUST_CHECK int keys_read(struct keys *keys, const struct config *config,
                         struct buf *error);

/* Tokens are verified with what keys_read has read from now on; and those of
 * auth.jwks_url are fetched. */
void keys_use(struct keys *keys);

/* The keys stay as they are. Also without keys_read. */
void keys_drop(struct keys *keys);

/* Begins to fetch, where that is configured: opens handles on the loop. Before
 * anybody is let in, so that the first tokens wait for the first keys. */
void keys_start(struct keys *keys, uv_loop_t *loop);
/* Closes the handles. Also without keys_start. */
void keys_close(struct keys *keys);

/* When the loop has ended. */
void keys_free(struct keys *keys);

#endif
