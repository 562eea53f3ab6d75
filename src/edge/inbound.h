/* SPDX-License-Identifier: MIT
 * From the sockets of connections to the router. This file reads, and does with
 * the frames what RFC 6455 demands (5.4 to 5.6, 7.1, 8.1). */
#ifndef EDGE_INBOUND_H
#define EDGE_INBOUND_H

#include <stdint.h>

struct poller_item;
struct socket;

/* For the `watch` of a connection's transport. One block is read of it in a
 * loop turn. */
void inbound_ready(struct poller_item *item, uint32_t events);

/* Goes on with what the kernel does not tell of: the rest of what was read when
 * the connection was paused, and what TLS has decrypted already. Then the
 * socket is waited for again. */
void inbound_go_on(struct socket *socket);

#endif
