/* SPDX-License-Identifier: MIT
 * Sends the clients of a worker away when the server ends.
 *
 * First comes the notice: /healthz says already that the server drains, and
 * clients are left alone until those who watch that have seen it.
 *
 * Then all clients are told at once: {"type":"goodbye"}, with the window in
 * which to come back. They are closed 1001, in random order and spread over the
 * window, so that another server can take them in. */
#ifndef SERVER_DRAIN_H
#define SERVER_DRAIN_H

#include "protocol/protocol.h"

struct drain;
typedef void drain_fn(void *arg);

struct drain {
  struct protocol *protocol;
  uv_timer_t tick;
  uint64_t *ids; /* of the connections, shuffled */
  size_t count, next;
  uint64_t started_ms, window_ms, last_ms; /* last: when all were closed */
  drain_fn *done;
  void *arg;
};

/* Starts with the notice. `done` is called when every connection is gone, or
 * when those that are left have had their time to close. The caller accepts no
 * others meanwhile. */
void drain_start(struct drain *drain, struct protocol *protocol,
                 uint64_t notice_ms, uint64_t window_ms, drain_fn *done,
                 void *arg);

/* Closes the timer. Call it after `done`. */
void drain_close(struct drain *drain);

#endif
