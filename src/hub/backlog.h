/* SPDX-License-Identifier: MIT
 * What waits for the clients of a worker that do not keep up.
 *
 * limits.queue_bytes bounds what one client can make the server keep; here is
 * the bound for all of them together, and the end of those that take nothing
 * at all. A connection is in the backlog while its socket takes less than it
 * is given (conn->blocked). What waits for the others leaves with the loop
 * turn and is not counted: else one long message to everybody would count as
 * often as there are clients, and the healthy ones would pay.
 *
 * Counted are the bytes that a queue still has to write. Queues share frames,
 * so the memory in use is about that at most, and less where many wait for the
 * same.
 *
 * Connections stand in lists by size, each for a power of 2: to find the
 * largest costs the same however many there are, and is exact up to a factor
 * of 2. Nothing here is touched for a client that keeps up. */
#ifndef HUB_BACKLOG_H
#define HUB_BACKLOG_H

#include "base/list.h"
#include "hub/bucket.h"

#include <stddef.h>
#include <stdint.h>

enum { BACKLOG_SIZES = 40 };

struct conn;

struct backlog {
  size_t bytes, limit; /* what waits, and may; limit 0: any number of bytes */
  struct list sizes[BACKLOG_SIZES]; /* conn->backlog */
  struct bucket told;               /* log lines about shedding */
};

void backlog_init(struct backlog *backlog, size_t limit);

/* To be called when conn->blocked, what waits, or the state has changed while
 * it is or was blocked. */
void backlog_update(struct conn *conn);

/* While too much waits, closes the connection for which most does, 4002, if its
 * socket takes nothing of that; if it
 * is closing already, what waits is dropped and its socket cut off. At a point
 * where nobody walks over connections. */
void backlog_shed(struct backlog *backlog, uint64_t now_ms);

/* Closes 4002, and cuts off, every connection in the backlog whose peer has
 * acknowledged nothing for `stall_ms`: between that time and that time plus
 * twice the interval of the calls. */
void backlog_cut_stalled(struct backlog *backlog, uint64_t now_ms,
                         uint64_t stall_ms);

#endif
