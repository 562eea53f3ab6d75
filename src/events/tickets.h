/* SPDX-License-Identifier: MIT
 * Whether what happened is in the outbox yet.
 *
 * Each event gets a ticket, a number that grows. The events of one commit are
 * settled together, in the order of their tickets. What is sent, anywhere in
 * the process, may be an effect of any event that has a ticket by then; so it
 * leaves when all of these are settled. That is coarse, and needs nobody to
 * follow what caused what: a message from one worker to another, a value in the
 * store, a history that is read.
 *
 * With nothing on its way, that is one comparison. Who has to wait has a
 * ticket_waiter on his loop. */
#ifndef EVENTS_TICKETS_H
#define EVENTS_TICKETS_H

#include "base/list.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct tickets {
  _Atomic uint64_t given, settled;
  uv_mutex_t lock;     /* of: */
  struct list waiters; /* ticket_waiter.node */
};

struct ticket_waiter {
  struct list node;
  struct tickets *tickets;
  uv_async_t wake;
  _Atomic bool waits;
  void (*settled)(void *arg);
  void *arg;
};

void tickets_init(struct tickets *tickets);

/* Nobody may wait any more. */
void tickets_free(struct tickets *tickets);

/* The ticket that has to be settled before what is made now may be seen; 0:
 * none. */
static inline uint64_t tickets_pending(struct tickets *tickets) {
  uint64_t given = atomic_load(&tickets->given);
  return given > atomic_load(&tickets->settled) ? given : 0;
}

static inline bool tickets_settled(struct tickets *tickets, uint64_t ticket) {
  return ticket <= atomic_load(&tickets->settled);
}

/* All up to this one are in the outbox: wakes those who wait. */
void tickets_settle(struct tickets *tickets, uint64_t ticket);

/* `settled` is called on the loop when more tickets are settled, once for each
 * ticket_wait. */
void ticket_waiter_open(struct ticket_waiter *waiter, struct tickets *tickets,
                        uv_loop_t *loop, void (*settled)(void *arg), void *arg);

/* It wants to be called. On the thread of its loop. */
void ticket_wait(struct ticket_waiter *waiter);

/* Closes its handle. */
void ticket_waiter_close(struct ticket_waiter *waiter);

/* What goes on when events are in the outbox, on one loop. */
struct ticket_queue {
  struct ticket_waiter waiter;
  struct list items; /* ticket_item.node, in the order of their tickets */
};

struct ticket_item {
  struct list node; /* whoever does not want it any more takes it out */
  uint64_t ticket;
  void (*run)(struct ticket_item *item);
};

void ticket_queue_open(struct ticket_queue *queue, struct tickets *tickets,
                       uv_loop_t *loop);

/* Whether the item has to wait; `run` is called with it later then. Accepts
 * NULL: nothing waits. */
bool ticket_queue_add(struct ticket_queue *queue, struct ticket_item *item,
                      void (*run)(struct ticket_item *item));

/* Runs all that wait, and closes the handle. */
void ticket_queue_close(struct ticket_queue *queue);

#endif
