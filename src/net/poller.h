/* SPDX-License-Identifier: MIT
 * Sockets that are waited for: an epoll set of our own, inside a libuv loop.
 *
 * A uv_poll_t for each socket would do the same, with more memory and more
 * steps for each event. The set is a descriptor itself, and the loop waits for
 * that. One call asks for all sockets, and each event leads straight to what
 * waits. */
#ifndef NET_POLLER_H
#define NET_POLLER_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <uv.h>

struct turn;
struct poller_item;

/* Called when a socket is ready, with `events` of epoll (EPOLLIN, EPOLLOUT,
 * EPOLLERR, …). It may add, change and remove any item. */
typedef void poller_fn(struct poller_item *item, uint32_t events);

/* What waits is around it. */
struct poller_item {
  poller_fn *ready; /* NULL: in no set */
  int fd;           /* set, and owned, by whoever has the item */
  uint32_t events;  /* those that are waited for */
};

enum { POLLER_BATCH = 256 };

struct poller {
  int fd;
  uv_poll_t handle;
  struct turn *turn; /* bounds what is told at one go; NULL: nothing does */
  int at, count;     /* of the batch: the next event, and how many there are */
  struct epoll_event batch[POLLER_BATCH];
};

/* Returns 0, or ERR_SYSTEM when there is no descriptor for the set. */
MUST_CHECK int poller_open(struct poller *poller, uv_loop_t *loop);

/* Closes the set. Its items must have been removed, or are never used again. */
void poller_close(struct poller *poller);

/* Waits for `events` on item->fd. Returns 0, or ERR_SYSTEM when the kernel has
 * no memory or waits for too many already. */
MUST_CHECK int poller_add(struct poller *poller, struct poller_item *item,
                          uint32_t events, poller_fn *ready);

/* Waits for other events from now on; errors are always told. Does nothing when
 * the item is in no set. */
void poller_change(struct poller *poller, struct poller_item *item,
                   uint32_t events);

/* Waits no more, and forgets what was ready. Does nothing when the item is in
 * no set. */
void poller_remove(struct poller *poller, struct poller_item *item);

#endif
