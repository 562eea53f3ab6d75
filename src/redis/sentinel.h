/* SPDX-License-Identifier: MIT
 * Asks the Sentinels of a URL where their master is.
 *
 * All of them are asked at the same time. When more than half have answered, or
 * after the timeout those that did, the answer with the highest configuration
 * epoch counts: one Sentinel that was cut off still names the old master. */
#ifndef REDIS_SENTINEL_H
#define REDIS_SENTINEL_H

#include "config/redis_url.h"

#include <openssl/types.h>
#include <stdint.h>
#include <uv.h>

struct sentinel;

/* `host` is NULL when nobody knows; `why` says it. Both are there until this
 * returns. */
typedef void sentinel_answer_fn(void *arg, const char *host, int port,
                                const char *why);

/* The URL and `tls` (NULL: plain) are borrowed as long as it is there. */
struct sentinel *sentinel_new(uv_loop_t *loop, const struct redis_url *url,
                              SSL_CTX *tls, uint64_t timeout_ms,
                              sentinel_answer_fn *answer, void *arg);

/* Asks. `answer` is called later, once. Does nothing while a question is under
 * way. */
void sentinel_ask(struct sentinel *sentinel);

/* It frees itself when the loop has closed its handles. Nothing is called any
 * more. Accepts NULL. */
void sentinel_close(struct sentinel *sentinel);

#endif
