/* SPDX-License-Identifier: MIT
 * Accepted sockets that are no WebSocket, or not yet.
 *
 * They cost a descriptor and some memory, and nobody knows yet what they
 * want. So each has a moment to send its first request (TLS handshake and
 * headers, trickled or not), and one address may have as many of them as it
 * may have WebSockets. What is after the first request of plain HTTP has the
 * library's own deadlines.
 *
 * A plain socket is given to libwebsockets together with the head of its first
 * request, and not before that has come: the library would read on into the
 * frames of a client that does not wait for the answer, which are ours (see
 * edge/inbound). Over TLS it does the handshake first. */
#ifndef EDGE_PENDING_H
#define EDGE_PENDING_H

#include "base/list.h"
#include "base/stats.h"
#include "edge/quiet.h"
#include "net/poller.h"

#include <libwebsockets.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct pending_address;
struct pending_socket;

/* The first request of a plain socket is there: its head, and nothing of what
 * comes after it, is taken from the socket. The descriptor is the callee's from
 * now on. */
typedef void pending_fn(void *arg, struct pending_socket *socket, int fd,
                        const char *head, size_t len);

struct pending {
  struct list waiting; /* for their first request, the oldest first */
  struct list fresh;   /* those not looked at yet */
  struct pending_address *addresses;
  uint64_t timeout_ms;
  uint32_t per_address; /* 0: any number */
  uv_timer_t timer;     /* for the oldest */
  pending_fn *request;
  void *arg;
  struct poller *poller; /* borrowed, as the two below */
  struct stats *stats;
  struct quiet *quiet;
};

/* The other members are set by the caller. */
void pending_init(struct pending *pending, uv_loop_t *loop);

/* Whether one more socket from there may be kept; said and counted if not. */
bool pending_may_add(struct pending *pending, const char *address);

/* One more. It has a moment for its first request. */
struct pending_socket *pending_add(struct pending *pending,
                                   const char *address);

/* Waits for the head of a request on `fd`, which is closed if none comes. */
void pending_wait(struct pending_socket *socket, int fd);

/* Looks at those that have come in this turn of the loop: most requests are
 * there already. Not while others are accepted: who asks again and again would
 * be answered there, before the end of what was asked before is noticed. */
void pending_look(struct pending *pending);

/* The library has it. The opaque data of `wsi` are ours from now on. */
void pending_bind(struct pending_socket *socket, struct lws *wsi);

/* All headers of a request have come. */
void pending_request(struct lws *wsi);

/* It has become a WebSocket, or is gone. */
void pending_end(struct lws *wsi);

/* The same for one that the library has not taken. */
void pending_free(struct pending_socket *socket);

/* Closes the timer and the sockets that the library has not got. Others may
 * still end afterwards. */
void pending_close(struct pending *pending);

#endif
