/* SPDX-License-Identifier: MIT
 * Whose turn it is on a loop.
 *
 * Each run of a script is bounded, but not how many are due at once: a client
 * that has sent sixty messages in one packet, five hundred functions of a
 * script whose time has come. So nobody runs all that he has in one go:
 *
 * - Who has computed for longer than TURN_SHARE_NS at one go waits for his next
 *   turn with the rest (turn_share_used).
 * - Whatever loops over many asks turn_part_over, and leaves what is left for
 *   the next turn.
 * - Work that is due waits in a queue. In each turn the queues are run for
 *   TURN_PART_NS, one piece of each in turns, one at least: so scripts do not
 *   hold up clients, nor clients scripts.
 *
 * Nothing here looks at the clock for a message that comes alone. */
#ifndef NET_TURN_H
#define NET_TURN_H

#include "base/list.h"

#include <stdint.h>
#include <uv.h>

#define TURN_SHARE_NS UINT64_C(2000000)
#define TURN_PART_NS  UINT64_C(10000000)

enum turn_queue {
  TURN_SCRIPTS, /* timers, what was spawned, those of them that go on */
  TURN_CLIENTS, /* messages that wait, handlers that go on */
  TURN_QUEUES
};

/* A piece of work; it is in no queue any more when it runs, and may be put
 * there again, or freed, by that. Zeroed and list_init'ed at first. */
struct task {
  struct list node;
  void (*run)(struct task *task);
};

struct turn {
  uv_idle_t idle; /* active while a queue has something */
  struct list queues[TURN_QUEUES];
  const void *who; /* for whom a script ran last; NULL: for none, or none did */
  uint64_t since_ns; /* where it began, with nobody else in between */
  uint64_t part_ns;  /* when the first script of this part began; 0: none yet */
  uint64_t last_ns;  /* and the last one */
};

void turn_init(struct turn *turn, uv_loop_t *loop);

/* Starts to end it; nothing that is queued is run any more. */
void turn_close(struct turn *turn);

/* Runs the task in its turn, at the earliest in this turn of the loop. Nothing
 * if it is queued already. */
void turn_add(struct turn *turn, enum turn_queue queue, struct task *task);

static inline bool turn_has(const struct turn *turn, enum turn_queue queue) {
  return !list_empty(&turn->queues[queue]);
}

/* Runs what is in that queue, and what comes to it, now. For the end. */
void turn_finish(struct turn *turn, enum turn_queue queue);

/* A script begins to run at `now_ns` of uv_hrtime, for whom. */
static inline void turn_note(struct turn *turn, const void *who,
                             uint64_t now_ns) {
  if (turn->who != who) {
    turn->who = who;
    turn->since_ns = now_ns;
  }
  if (turn->part_ns == 0)
    turn->part_ns = now_ns;
  turn->last_ns = now_ns;
}

/* Whether scripts have run for `who` long enough since its turn began. */
static inline bool turn_share_used(const struct turn *turn, const void *who) {
  return turn->who == who && uv_hrtime() - turn->since_ns > TURN_SHARE_NS;
}

/* A loop over many begins. */
static inline void turn_part_begin(struct turn *turn) {
  turn->who = NULL;
  turn->part_ns = turn->last_ns = 0;
}

/* Whether it should leave the rest for the next turn. It is known when the
 * next script has begun: so two that are long run, and no clock is asked. */
static inline bool turn_part_over(const struct turn *turn) {
  return turn->last_ns - turn->part_ns > TURN_PART_NS;
}

#endif
