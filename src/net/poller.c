/* SPDX-License-Identifier: MIT
 * epoll. */
#include "net/poller.h"

#include "base/err.h"
#include "net/turn.h"

#include <unistd.h>

static bool is_enough(const struct poller *poller) {
  return poller->turn && turn_part_over(poller->turn);
}

/* What is left of a batch when it is enough for this turn comes first in the
 * next: the set is ready still, as those sockets are. */
static void on_set_ready(uv_poll_t *handle, int status, int events) {
  struct poller *poller = container_of(handle, struct poller, handle);
  (void)status;
  (void)events;
  if (poller->at >= poller->count) {
    poller->count = epoll_wait(poller->fd, poller->batch, POLLER_BATCH, 0);
    poller->at = 0;
  }
  if (poller->turn)
    turn_part_begin(poller->turn);
  while (poller->at < poller->count && !is_enough(poller)) {
    const struct epoll_event *event = &poller->batch[poller->at++];
    struct poller_item *item = event->data.ptr;
    if (item) /* else it was removed by one before it */
      item->ready(item, event->events);
  }
}

int poller_open(struct poller *poller, uv_loop_t *loop) {
  *poller = (struct poller){.fd = epoll_create1(EPOLL_CLOEXEC)};
  if (poller->fd < 0)
    return ERR_SYSTEM;
  if (uv_poll_init(loop, &poller->handle, poller->fd)) {
    close(poller->fd);
    poller->fd = -1;
    return ERR_SYSTEM;
  }
  uv_poll_start(&poller->handle, UV_READABLE, on_set_ready);
  return 0;
}

static void on_set_closed(uv_handle_t *handle) {
  close(container_of((uv_poll_t *)handle, struct poller, handle)->fd);
}

void poller_close(struct poller *poller) {
  if (poller->fd >= 0)
    uv_close((uv_handle_t *)&poller->handle, on_set_closed);
}

int poller_add(struct poller *poller, struct poller_item *item, uint32_t events,
               poller_fn *ready) {
  struct epoll_event event = {.events = events, .data.ptr = item};
  if (epoll_ctl(poller->fd, EPOLL_CTL_ADD, item->fd, &event))
    return ERR_SYSTEM;
  item->ready = ready;
  item->events = events;
  return 0;
}

void poller_change(struct poller *poller, struct poller_item *item,
                   uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = item};
  if (!item->ready || item->events == events)
    return;
  item->events = events;
  (void)epoll_ctl(poller->fd, EPOLL_CTL_MOD, item->fd, &event);
}

void poller_remove(struct poller *poller, struct poller_item *item) {
  if (!item->ready)
    return;
  item->ready = NULL;
  (void)epoll_ctl(poller->fd, EPOLL_CTL_DEL, item->fd, NULL);
  for (int i = poller->at; i < poller->count; i++)
    if (poller->batch[i].data.ptr == item)
      poller->batch[i].data.ptr = NULL;
}
