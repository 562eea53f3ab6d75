/* SPDX-License-Identifier: MIT
 * Whose turn it is on a loop.
 *
 * Each run of a script is bounded. How many runs are due at once is not: a
 * client may send sixty messages in one packet, the time of five hundred
 * functions of a script may come together. So no client and no script does all
 * of its work in one go:
 *
 * - A client that has computed for longer than TURN_SHARE_NS at one go leaves
 *   the rest for its next turn (turn_share_used).
 * - A loop over many asks turn_part_over, and leaves the rest for the next
 *   turn. Only the time of scripts counts there.
 * - Work that is due waits in a queue. In each turn of the loop the queues are
 *   run for TURN_PART_NS, alternately and at least one piece each. So scripts
 *   do not hold up clients, and clients do not hold up scripts.
 *
 * A message that comes alone does not make anything here look at the clock. */
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

/* Closes the handle. Nothing that is queued is run any more. */
void turn_close(struct turn *turn);

/* Queues the task. It runs in this turn of the loop at the earliest. Does
 * nothing when the task is queued already. */
void turn_add(struct turn *turn, enum turn_queue queue, struct task *task);

static inline bool turn_has(const struct turn *turn, enum turn_queue queue) {
  return !list_empty(&turn->queues[queue]);
}

/* Runs all that is in the queue, and all that comes to it meanwhile, now. For
 * the end of a worker. */
void turn_finish(struct turn *turn, enum turn_queue queue);

/* A script begins to run for `who`, at `now_ns` of uv_hrtime. */
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

/* Whether the loop over many should leave the rest for the next turn. That is
 * known only when the next script has begun, as no clock is asked here: so two
 * long ones may run. */
static inline bool turn_part_over(const struct turn *turn) {
  return turn->last_ns - turn->part_ns > TURN_PART_NS;
}

#endif
