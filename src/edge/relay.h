/* SPDX-License-Identifier: MIT
 * Requests that libwebsockets answers: files, pages of our own, figures.
 *
 * The library never has a client's socket. It gets one end of a socket pair,
 * and on it the head of one request. We write that head from what we have read:
 * the method, the target, and the few headers that matter to an answer. What
 * the library says is carried to the client, plain or over TLS. So it needs no
 * TLS and no deadline, and it sees no upgrade, no body and no second request.
 *
 * At most one block of TRANSPORT_BLOCK_BYTES waits for a slow client. Until it
 * has left, the library's end is not read, and the library stops by itself. */
#ifndef EDGE_RELAY_H
#define EDGE_RELAY_H

#include "edge/library.h"
#include "edge/visitor.h"
#include "wire/request.h"

/* Those of one address to listen on. */
struct relays {
  struct library *library; /* set by the caller, as are those below */
  struct poller *poller;
  unsigned char *input; /* TRANSPORT_BLOCK_BYTES: nobody else's meanwhile */
  uint32_t max;         /* under way at once */
  uint32_t count;       /* under way now */
  struct list queue;    /* relay->node: those that wait for a place */
  bool ended;
};

void relays_open(struct relays *relays);

/* No other begins; those that are under way end with their visitors. */
void relays_close(struct relays *relays);

/* Has the library answer the visitor, as soon as fewer than relays->max others
 * are answered; for /healthz, some more. To the library POST looks like GET. */
void relay_request(struct relays *relays, struct visitor *visitor,
                   const struct request *request);

#endif
