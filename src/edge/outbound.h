/* SPDX-License-Identifier: MIT
 * From the queues of connections to their sockets.
 *
 * Frames gather in the queues during a loop turn. Each connection that has some
 * is then flushed once, with one write. A single frame is written as it is;
 * several are copied into one buffer first. Only a connection whose socket did
 * not take everything waits for room.
 *
 * The order in which queues leave:
 *
 * 1. The answer to a message leaves when the next connection is read from
 *    (outbound_flush_last), not with the end of the turn.
 * 2. What is over its bound leaves at once (outbound_flush_now).
 * 3. At the end of the turn the rest leaves, the connection that has waited
 *    longest first (outbound_flush_dirty). After FLUSHES_A_TURN of them, or
 *    RING_SENDS where there is a ring, the loop looks for input, and goes on
 *    with the others in the next turn.
 *
 * What may be an effect of an event that is not in the outbox yet waits for
 * that (hub/gate), in sockets->held.
 *
 * Within one connection the order is always that of its queue. A close frame
 * is the last one in it, and so leaves after everything that was sent before.
 */
#ifndef EDGE_OUTBOUND_H
#define EDGE_OUTBOUND_H

#include "base/attr.h"

#include <stdbool.h>

struct conn;
struct sockets;

/* The bytes that leave in one write at most, single longer frames aside. */
enum { OUTBOUND_GATHER_BYTES = 64 * 1024 };

/* Frames wait in the connection's queue: it goes to sockets->dirty. */
void outbound_want(struct conn *conn);

/* Writes until the queue is empty or the socket takes no more. In the second
 * case it goes on as soon as the socket has room. A broken socket is closed
 * with the turn. */
void outbound_flush(struct sockets *sockets, struct conn *conn);

/* The same, for a caller that has only the connection and cannot wait for the
 * end of the turn. Does nothing before ws_start, and after the socket's end. */
void outbound_flush_now(struct conn *conn);

/* `next` is read from now (NULL: no other). What the connection before it was
 * answered leaves now, while its memory is still in the processor's cache. With
 * a thousand clients in one loop turn it would be cold at the end of the turn.
 */
void outbound_flush_last(struct sockets *sockets, struct conn *next);

/* For ticket_waiter_open, with the sockets: more events are in the outbox. What
 * has waited for them leaves. */
void outbound_settled(void *arg);

/* Flushes those in sockets->dirty. Returns whether all of them were flushed.
 * When there are many, the loop looks for input after some of them. So a
 * message to thousands does not hold up the other clients, and what is sent to
 * the same thousands meanwhile leaves in the same writes. */
bool outbound_flush_dirty(struct sockets *sockets);

#endif
