/* SPDX-License-Identifier: MIT
 * From the sockets of connections to the router: reading, and what RFC 6455
 * wants done with what is read (5.4 to 5.6, 7.1, 8.1). */
#ifndef EDGE_INBOUND_H
#define EDGE_INBOUND_H

#include <stdint.h>

struct edge;
struct poller_item;
struct ws_session;

/* As much is read at once, and of one connection in a loop turn. */
enum { INBOUND_BYTES = 16 * 1024 };

/* For conn->watch. */
void inbound_ready(struct poller_item *item, uint32_t events);

/* Reads what the kernel may not tell of: the rest of what was read when the
 * connection was paused, and what TLS has decrypted already. Then the kernel is
 * asked again. */
void inbound_go_on(struct edge *edge, struct ws_session *session);

#endif
