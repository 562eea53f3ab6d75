/* SPDX-License-Identifier: MIT
 * Accepted sockets that are no WebSocket, or not yet.
 *
 * They cost a descriptor and some memory, and nobody knows yet what they
 * want. So each has a moment to send its first request (TLS handshake and
 * headers, trickled or not), and one address may have as many of them as it
 * may have WebSockets. What is after the first request of plain HTTP has the
 * library's own deadlines. */
#ifndef EDGE_PENDING_H
#define EDGE_PENDING_H

#include "base/list.h"
#include "base/stats.h"
#include "edge/quiet.h"

#include <libwebsockets.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct pending_address;

struct pending {
  struct list waiting; /* for their first request, the oldest first */
  struct pending_address *addresses;
  uint64_t timeout_ms;
  uint32_t per_address; /* 0: any number */
  uv_timer_t timer;     /* for the oldest */
  struct stats *stats;  /* borrowed */
  struct quiet *quiet;  /* borrowed */
};

void pending_init(struct pending *pending, uv_loop_t *loop, uint64_t timeout_ms,
                  uint32_t per_address, struct stats *stats,
                  struct quiet *quiet);

/* Whether one more socket from there may be kept; said and counted if not. */
bool pending_may_add(struct pending *pending, const char *address);

/* The library has taken over a socket. Its opaque data is ours from now on. */
void pending_add(struct pending *pending, struct lws *wsi, const char *address);

/* All headers of a request have come. */
void pending_request(struct lws *wsi);

/* It has become a WebSocket, or is gone. */
void pending_end(struct lws *wsi);

/* Closes the timer. Sockets may still end afterwards. */
void pending_close(struct pending *pending);

#endif
