/* SPDX-License-Identifier: MIT
 * Sockets that are no WebSocket, or not yet: how many there may be, and for how
 * long.
 *
 * Each costs a descriptor and some memory, and nobody knows yet what it wants.
 * So they are bounded three times. One address may have as many of them as it
 * may have WebSockets. A trusted proxy has a bound of its own. And all of them
 * together have one.
 *
 * Each has a deadline at every moment. There are four kinds of deadline, one
 * for each thing that is waited for (enum pending_wait), and each kind lasts
 * equally long for all sockets. So each kind has a list, a socket goes to the
 * end of its list when its deadline is set, and the first of a list is the
 * first that is due. One timer serves all four lists. A deadline does not move
 * when bytes trickle in: it moves when something is complete, or, for an
 * answer, when the peer has taken a good piece of it. */
#ifndef EDGE_PENDING_H
#define EDGE_PENDING_H

#include "base/list.h"
#include "net/network.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct pending_address;

/* What we wait for. */
enum pending_wait {
  PENDING_REQUEST, /* the head of its request */
  PENDING_NEXT,    /* that of one more request */
  PENDING_ANSWER,  /* that the peer takes its answer */
  PENDING_END,     /* that the peer hangs up */
  PENDING_WAITS
};

/* Part of whoever owns the socket. */
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
  pending_fn *due; /* a deadline is over: calls pending_wait or _remove */
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

/* Whether more than half of that is used up. Then no socket should stay only
 * because it might ask again. */
bool pending_is_crowded(const struct pending_socket *socket, uint32_t limit);

/* How many sockets of its address are being answered by the library. */
uint32_t pending_answers(const struct pending_socket *socket);

/* From now on, or no more, the socket is one of these. */
void pending_answer_begins(struct pending_socket *socket);
void pending_answer_ends(struct pending_socket *socket);

/* One more socket. Its request is waited for. */
void pending_add(struct pending *pending, struct pending_socket *socket,
                 const char *address);

/* From now on it is waited for that: sets the deadline. */
void pending_wait(struct pending_socket *socket, enum pending_wait wait);

/* The socket has become a WebSocket, or is gone. */
void pending_remove(struct pending_socket *socket);

/* Closes the timer. For each socket that is left `due` is called. */
void pending_close(struct pending *pending);

#endif
