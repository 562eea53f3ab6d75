/* SPDX-License-Identifier: MIT
 * From the queues of connections to their sockets.
 *
 * Frames gather in the queues; at the end of the loop turn each connection that
 * has some is flushed once, with one write: of the frame as it is when there is
 * one, of several gathered into one buffer. (The answer to a message leaves
 * even earlier, when the next connection is read from: see
 * outbound_flush_last.) Only a connection whose socket did not take all of it
 * waits for room. */
#ifndef EDGE_OUTBOUND_H
#define EDGE_OUTBOUND_H

#include "base/attr.h"

#include <stdbool.h>

struct conn;
struct sockets;

/* The bytes that leave in one write at most, single longer frames aside. */
enum { OUTBOUND_GATHER_BYTES = 64 * 1024 };

/* The queue of the connection is to be written: it goes to sockets->dirty. */
void outbound_want(struct conn *conn);

/* Writes until the queue is empty or the socket takes no more; then goes on as
 * soon as it does. A broken socket is closed with the turn. */
void outbound_flush(struct sockets *sockets, struct conn *conn);

/* The same for whoever cannot wait for the end of the turn. Nothing if the
 * socket is not waited for yet, or over already. */
void outbound_flush_now(struct conn *conn);

/* Another connection's turn has come (NULL: no other): what the one before it
 * was answered leaves now, while its memory is still in the processor's cache.
 * With a thousand clients in one loop turn it would be cold at its end. */
void outbound_flush_last(struct sockets *sockets, struct conn *next);

/* Flushes those in sockets->dirty. Returns whether that were all: when there
 * are many, the loop looks for input after some of them. So who waits for
 * something else is not held up by a message to thousands, and what is sent to
 * them meanwhile leaves in the same writes. */
bool outbound_flush_dirty(struct sockets *sockets);

#endif
