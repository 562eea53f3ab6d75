/* SPDX-License-Identifier: MIT
 * Deadlines of many, by one timer of the loop.
 *
 * A handle of libuv for each is 152 bytes, a place in a heap of all, and, for
 * heartbeats, a turn of the loop for each client. Here those that are due at
 * about the same time are served together: so their pings leave with one system
 * call (net/ring), and the answers come back together.
 *
 * What is due is served somewhat late, and never early: up to 8 ms if it was
 * set for less than half a second, 64 ms for less than four, else 256 ms. What
 * is further away than a minute is served after about a minute: who serves it
 * looks at the time, and sets it again. */
#ifndef NET_WHEEL_H
#define NET_WHEEL_H

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { WHEEL_RINGS = 3, WHEEL_SLOTS = 256 };

/* Stands in the object that has it. list_init the node at first. */
struct deadline {
  struct list node; /* in a slot while it is set */
  uint64_t due_ms;  /* loop time, rounded up to a slot */
};

struct wheel {
  uv_timer_t timer; /* active while anything is set */
  uint64_t next_ms; /* when it comes at the latest; UINT64_MAX: never */
  bool serves;
  void (*serve)(struct deadline *deadline);
  struct wheel_ring {
    uint64_t served_ms;            /* all up to this loop time were */
    struct list slot[WHEEL_SLOTS]; /* by due_ms */
  } rings[WHEEL_RINGS];
};

/* `serve` is called for each deadline that is due. That is not set any more,
 * and may be set again; any other may be set, unset or freed meanwhile. */
void wheel_init(struct wheel *wheel, uv_loop_t *loop,
                void (*serve)(struct deadline *deadline));

/* Closes the handle. Nothing that is set is served any more. */
void wheel_close(struct wheel *wheel);

/* To this loop time, instead of any other. */
void wheel_set(struct wheel *wheel, struct deadline *deadline, uint64_t due_ms);

/* Nothing if it is not set. */
static inline void wheel_unset(struct deadline *deadline) {
  list_remove(&deadline->node);
}

#endif
