/* SPDX-License-Identifier: MIT
 * Which events may be sent now.
 *
 * Events of one lane (a user, a room) are told in order: while a batch has some
 * of a lane, the later ones of that lane wait. Those of other lanes go on. A
 * batch that fails is halved, so that in the end one event alone is what the
 * backend does not take. */
#ifndef EVENTS_LANES_H
#define EVENTS_LANES_H

#include "base/hash.h"
#include "base/list.h"
#include "events/outbox.h"

struct lane;

/* An event in memory. */
struct lane_event {
  struct list node; /* in lane->waiting */
  struct lane *lane;
  int64_t pos, at_ms;
  size_t len;
  char body[];
};

struct lanes {
  struct lane *table;
  struct list ready;         /* those whose first event may go */
  size_t waiting;            /* events in no batch */
  size_t held;               /* of these: behind one that is in a batch */
  size_t loaded, loaded_len; /* all events, and their bytes */
};

struct batch {
  struct list node;
  struct lane_event **events; /* in order of pos */
  unsigned count;
  size_t bytes;
  unsigned attempts;
  uint64_t due_ms; /* loop time of the next attempt */
};

void lanes_init(struct lanes *lanes);

void lanes_add(struct lanes *lanes, const struct outbox_item *item);

/* Events that may go now: up to `max`, and up to `bytes` unless the first one
 * has more. NULL: there are none. */
struct batch *lanes_take(struct lanes *lanes, unsigned max, size_t bytes);

/* The second half of the batch goes back to where it was. It has two events or
 * more. */
void lanes_halve(struct lanes *lanes, struct batch *batch);

/* That event is in the batch no more, and is freed. */
void lanes_drop(struct lanes *lanes, struct batch *batch, unsigned at);

/* It is over: its events are freed, and those behind them may go. */
void lanes_done(struct lanes *lanes, struct batch *batch);

/* Frees everything but batches. */
void lanes_free(struct lanes *lanes);

#endif
