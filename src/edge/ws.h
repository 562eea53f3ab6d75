/* SPDX-License-Identifier: MIT
 * A connection on its socket, from the answer to its handshake (edge/upgrade)
 * on: what it asks of the socket, and the turns in which it is read.
 *
 * The states are those of edge/sockets; edge/inbound reads and edge/outbound
 * writes, with frames of wire/reader and wire/frame. */
#ifndef EDGE_WS_H
#define EDGE_WS_H

struct conn;
struct conn_io;
struct sockets;

/* Prepares it but for `protocol` and the other borrowed members, which the
 * caller has set. */
void ws_open(struct sockets *sockets);

/* It is in the manager: reads with the end of the turn, and waits for more. */
void ws_start(struct conn *conn);

/* Reads on from the connections in sockets->more. */
void ws_read_on(struct sockets *sockets);

#endif
