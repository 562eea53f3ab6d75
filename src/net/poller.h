/* SPDX-License-Identifier: MIT
 * Sockets that are waited for: an epoll set of our own, inside a libuv loop.
 *
 * A uv_poll_t for each socket would do the same with more memory and more steps
 * to each event. The set is a descriptor, too, which the loop waits for: its
 * sockets are asked for together, and each event leads straight to what waits.
 */
#ifndef NET_POLLER_H
#define NET_POLLER_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <uv.h>

struct turn;
struct poller_item;

/* A socket is ready, for `events` of epoll (EPOLLIN, EPOLLOUT, EPOLLERR, …).
 * Any item may be added, changed or removed by it. */
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

/* ERR_SYSTEM without a descriptor for it. */
MUST_CHECK int poller_open(struct poller *poller, uv_loop_t *loop);

/* Starts to end it; its items are removed by then, or never used again. */
void poller_close(struct poller *poller);

/* Waits for `events` on item->fd. ERR_SYSTEM when the kernel has no memory, or
 * too many are waited for. */
MUST_CHECK int poller_add(struct poller *poller, struct poller_item *item,
                          uint32_t events, poller_fn *ready);

/* Waits for others from now on; errors are always told. Nothing if the item
 * is in no set. */
void poller_change(struct poller *poller, struct poller_item *item,
                   uint32_t events);

/* Waits no more, and forgets what was ready. Nothing if it is in no set. */
void poller_remove(struct poller *poller, struct poller_item *item);

#endif
