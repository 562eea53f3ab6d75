/* SPDX-License-Identifier: MIT
 * Requests that libwebsockets answers: files, pages of our own, figures.
 *
 * The library never has a client's socket. It gets one end of a pair, and on it
 * the head of one request that we have written from what we have read: its
 * method, its target, and the few headers that matter there. What it says is
 * carried to the client, plain or over TLS. So it needs no TLS and no deadline,
 * and sees no upgrade, no body and no second request.
 *
 * No more than one block of INBOUND_BYTES waits for a slow client: until that
 * has left, the library's end is not read, and it stops by itself. */
#ifndef EDGE_RELAY_H
#define EDGE_RELAY_H

#include "edge/door.h"

/* Lets the library answer it, as soon as fewer than door->relay_max others are
 * answered; for /healthz, some more. To the library POST looks like GET. */
void visitor_relay(struct visitor *visitor, const struct request *request);

/* The peer's socket is ready for something, or broken. */
void relay_outer(struct visitor *visitor, uint32_t events);

/* Takes it from the library, and lets the next have its place. Also when there
 * is none. */
void relay_close(struct visitor *visitor);

#endif
