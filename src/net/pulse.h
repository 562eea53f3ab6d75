/* SPDX-License-Identifier: MIT
 * Whether a loop turns, for a look from another thread (server/watchdog).
 *
 * The loop notes each turn, and what it begins to do: a few plain stores. A
 * timer makes a loop turn that has nothing to do. */
#ifndef NET_PULSE_H
#define NET_PULSE_H

#include <stdatomic.h>
#include <stdint.h>

enum { PULSE_IDLE_MS = 1000 }; /* a loop turns at least as often */

struct pulse {
  _Atomic uint32_t turns;
  _Atomic(const char *) doing; /* static, "reading from a connection" */
};

static inline void pulse_doing(struct pulse *pulse, const char *what) {
  atomic_store_explicit(&pulse->doing, what, memory_order_relaxed);
}

/* Only its own thread does that. */
static inline void pulse_turn(struct pulse *pulse) {
  uint32_t turns = atomic_load_explicit(&pulse->turns, memory_order_relaxed);
  atomic_store_explicit(&pulse->turns, turns + 1, memory_order_release);
}

#endif
