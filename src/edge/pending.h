/* SPDX-License-Identifier: MIT
 * How many sockets there are that are no WebSocket, or not yet, and how long
 * each may be one.
 *
 * They cost a descriptor and some memory, and nobody knows yet what they want.
 * So one address may have as many of them as it may have WebSockets, a proxy
 * that is trusted has a bound of its own, and there is one for all of them.
 * Each has a deadline at every moment: for TLS and its request, trickled or
 * not; for our answer; for the next request; for its end. */
#ifndef EDGE_PENDING_H
#define EDGE_PENDING_H

#include "base/list.h"
#include "net/network.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct pending_address;

/* What a socket is waited for. */
enum pending_wait {
  PENDING_REQUEST, /* the head of its request */
  PENDING_NEXT,    /* that of one more request */
  PENDING_ANSWER,  /* that it takes its answer */
  PENDING_END,     /* that it hangs up */
  PENDING_WAITS
};

/* Part of what has the socket. */
struct pending_socket {
  struct list node;
  struct pending *pending;
  struct pending_address *address;
  char ip[NETWORK_BYTES]; /* the whole of its address */
  uint64_t due_ms;
};

typedef void pending_fn(struct pending_socket *socket);

struct pending {
  struct list waiting[PENDING_WAITS]; /* each with the oldest first */
  uint64_t limit_ms[PENDING_WAITS];   /* set by the caller, as are: */
  uint32_t max;                       /* of all */
  pending_fn *due; /* its time is over; pending_wait or pending_remove */
  struct pending_address *addresses;
  uint32_t count;
  uv_timer_t timer; /* for the first that is due */
  uint64_t armed_ms;
};

void pending_init(struct pending *pending, uv_loop_t *loop);

/* Whether there are fewer than `limit` sockets from there (0: any number), and
 * fewer than `max` of all. */
bool pending_has_room(const struct pending *pending, const char *address,
                      uint32_t limit);

/* Whether more than half of that is used up: then nobody should stay who only
 * might ask again. */
bool pending_is_crowded(const struct pending_socket *socket, uint32_t limit);

/* One more, which is waited for its request. */
void pending_add(struct pending *pending, struct pending_socket *socket,
                 const char *address);

/* It is waited for that, from now on. */
void pending_wait(struct pending_socket *socket, enum pending_wait wait);

/* It has become a WebSocket, or is gone. */
void pending_remove(struct pending_socket *socket);

/* Closes the timer; whoever is still there is told that the time is over. */
void pending_close(struct pending *pending);

#endif
