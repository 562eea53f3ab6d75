/* SPDX-License-Identifier: MIT
 * Tickets of events.
 *
 * A wake-up cannot be missed: the waiter says that he waits, and then the next
 * ticket_settle wakes him. If everything was settled between his look and his
 * word, no other settling might come; so he looks again after it. */
#include "events/tickets.h"

#include "base/attr.h"

void tickets_init(struct tickets *tickets) {
  atomic_init(&tickets->given, 0);
  atomic_init(&tickets->settled, 0);
  uv_mutex_init(&tickets->lock);
  list_init(&tickets->waiters);
}

void tickets_free(struct tickets *tickets) {
  uv_mutex_destroy(&tickets->lock);
}

void tickets_settle(struct tickets *tickets, uint64_t ticket) {
  atomic_store(&tickets->settled, ticket);
  uv_mutex_lock(&tickets->lock);
  LIST_FOREACH (it, &tickets->waiters) {
    struct ticket_waiter *waiter = container_of(it, struct ticket_waiter, node);
    if (atomic_exchange(&waiter->waits, false))
      uv_async_send(&waiter->wake);
  }
  uv_mutex_unlock(&tickets->lock);
}

static void on_tickets_settled(uv_async_t *wake) {
  struct ticket_waiter *waiter = container_of(wake, struct ticket_waiter, wake);
  waiter->settled(waiter->arg);
}

void ticket_waiter_open(struct ticket_waiter *waiter, struct tickets *tickets,
                        uv_loop_t *loop, void (*settled)(void *arg),
                        void *arg) {
  waiter->tickets = tickets;
  waiter->settled = settled;
  waiter->arg = arg;
  atomic_init(&waiter->waits, false);
  list_init(&waiter->node);
  uv_async_init(loop, &waiter->wake, on_tickets_settled);
  uv_mutex_lock(&tickets->lock);
  list_push(&tickets->waiters, &waiter->node);
  uv_mutex_unlock(&tickets->lock);
}

void ticket_wait(struct ticket_waiter *waiter) {
  atomic_store(&waiter->waits, true);
  if (!tickets_pending(waiter->tickets) &&
      atomic_exchange(&waiter->waits, false))
    uv_async_send(&waiter->wake);
}

void ticket_waiter_close(struct ticket_waiter *waiter) {
  uv_mutex_lock(&waiter->tickets->lock);
  list_remove(&waiter->node);
  uv_mutex_unlock(&waiter->tickets->lock);
  uv_close((uv_handle_t *)&waiter->wake, NULL);
}

/* --- what goes on then -------------------------------------------------- */

static void on_queue_settled(void *arg) {
  struct ticket_queue *queue = arg;
  while (!list_empty(&queue->items)) {
    struct ticket_item *item =
        container_of(queue->items.next, struct ticket_item, node);
    if (!tickets_settled(queue->waiter.tickets, item->ticket)) {
      ticket_wait(&queue->waiter);
      return;
    }
    list_remove(&item->node);
    item->run(item);
  }
}

void ticket_queue_open(struct ticket_queue *queue, struct tickets *tickets,
                       uv_loop_t *loop) {
  list_init(&queue->items);
  ticket_waiter_open(&queue->waiter, tickets, loop, on_queue_settled, queue);
}

bool ticket_queue_add(struct ticket_queue *queue, struct ticket_item *item,
                      void (*run)(struct ticket_item *item)) {
  list_init(&item->node);
  item->ticket = queue ? tickets_pending(queue->waiter.tickets) : 0;
  if (item->ticket == 0)
    return false;
  item->run = run;
  list_push(&queue->items, &item->node);
  ticket_wait(&queue->waiter);
  return true;
}

void ticket_queue_close(struct ticket_queue *queue) {
  struct list *node;
  while ((node = list_shift(&queue->items))) {
    struct ticket_item *item = container_of(node, struct ticket_item, node);
    item->run(item);
  }
  ticket_waiter_close(&queue->waiter);
}
