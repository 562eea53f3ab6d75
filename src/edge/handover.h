/* SPDX-License-Identifier: MIT
 * A socket goes from one connection to another.
 *
 * This may happen in the middle of reading: a handler closes its client 4004,
 * the client has a session, and what is left of its socket belongs to another
 * connection when the handler returns. So edge/inbound asks the socket for its
 * connection after each message (socket->conn). */
#ifndef EDGE_HANDOVER_H
#define EDGE_HANDOVER_H

#include "hub/conn.h"

struct line;

/* For conn_io. `from` has no socket afterwards; `to` has none before. */
void handover_socket(struct conn *from, struct conn *to);

/* For conn_io: to a new connection that is in no index, and that ends. */
void handover_to_end(struct conn *conn, int code, struct frame *last);

/* For conn_io: to and from a worker. What was read and not used goes along. */
void handover_detach(struct conn *conn, struct line *line);
void handover_attach_take(struct conn *conn, struct line *line);

#endif
