/* SPDX-License-Identifier: MIT
 * Asks all servers of a URL the same question at the same time: Sentinels, or
 * nodes of a cluster. It is over when more than half of them have answered, or
 * all have answered or failed, or the time is. */
#ifndef REDIS_PEERS_H
#define REDIS_PEERS_H

#include "config/redis_url.h"
#include "redis/reply.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct peers;

struct peers_events {
  /* What one has answered. Whether that is an answer. */
  bool (*answer)(void *arg, const struct redis_host *host,
                 const struct reply *reply);

  /* `why` is of the last one that has failed; there until this returns. */
  void (*over)(void *arg, const char *why);
};

/* Borrowed as long as it is there. */
struct peers_options {
  const struct redis_url *url;
  const char *what; /* they are, for people: "Sentinel" */
  SSL_CTX *tls;     /* NULL: plain */
  uint64_t timeout_ms;
  const char *question[3]; /* words; NULL: no more */
  const struct peers_events *events;
  void *arg;
};

/* The options are copied, but what they point to. */
struct peers *peers_new(uv_loop_t *loop, const struct peers_options *options);

/* Asks. `over` is called later, once. Does nothing while a question is under
 * way. */
void peers_ask(struct peers *peers);

/* Closes the connections, which are kept otherwise: it will not be asked for a
 * while. Not while a question is under way. */
void peers_rest(struct peers *peers);

/* It frees itself when the loop has closed its handles. Nothing is called any
 * more. Accepts NULL. */
void peers_close(struct peers *peers);

#endif
