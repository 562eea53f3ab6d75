/* SPDX-License-Identifier: MIT
 * One connection to one Redis: hiredis on a loop of libuv.
 *
 * hiredis brings an adapter of its own, which does nothing when libuv reports
 * an error: so a connection that was refused or reset ends without a word, and
 * commands wait for ever. It also has no deadline for connecting, and looks up
 * names while everything else stands still. All of that is done here. What the
 * caller sees does not depend on the version of hiredis: 0.14.1 of Debian 12
 * or 1.x. It writes so that the process must ignore SIGPIPE. */
#ifndef REDIS_ADAPTER_H
#define REDIS_ADAPTER_H

#include "base/attr.h"
#include "redis/reply.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct adapter;

/* Where it is. */
struct adapter_target {
  const char *host; /* a name or an address */
  int port;
  const char *path; /* of a Unix socket, instead; NULL: none */
  SSL_CTX *tls;     /* NULL: plain */
};

/* None comes inside a call of adapter_…, nor after adapter_close. */
struct adapter_events {
  /* It is connected. */
  void (*open)(void *arg);

  /* The end: it could not be connected, or was lost. Each command had its
   * answer. The adapter is still to be closed. */
  void (*ended)(void *arg, const char *why);

  /* What comes of subscriptions: messages, confirmations, errors. */
  void (*pushed)(void *arg, const struct reply *reply);
};

/* `reply` is NULL when the connection ends before there is one. `sent`: whether
 * Redis can have seen the command. */
typedef void adapter_answer_fn(void *arg, const struct reply *reply, bool sent);

/* Begins to connect. The target is borrowed until this returns. After
 * `timeout_ms` without a connection it ends. */
struct adapter *adapter_new(uv_loop_t *loop,
                            const struct adapter_target *target,
                            uint64_t timeout_ms,
                            const struct adapter_events *events, void *arg);

/* Sends a command, as words_put makes it, with a zero behind it. `answer` may
 * be NULL. ERR_CLOSED: it is not connected, nothing was sent. */
MUST_CHECK int adapter_send(struct adapter *adapter, const char *command,
                            size_t len, adapter_answer_fn *answer, void *arg);

/* Sends SUBSCRIBE, UNSUBSCRIBE, or several of them. From the first one on all
 * that comes goes to `pushed`, and no other commands can be sent: all of these
 * must have been answered. */
MUST_CHECK int adapter_send_subscription(struct adapter *adapter,
                                         const char *command, size_t len);

/* Bytes that the socket has not taken yet. */
size_t adapter_unsent(const struct adapter *adapter);

/* Ends it: each command that is under way gets its answer inside this call. It
 * frees itself when the loop has closed its handles. Accepts NULL. */
void adapter_close(struct adapter *adapter);

#endif
