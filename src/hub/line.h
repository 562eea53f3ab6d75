/* SPDX-License-Identifier: MIT
 * What of a connection belongs to its socket, on the way to another connection:
 * the socket itself, what was read and is not a message yet, what waits to be
 * written, and what the two sides have agreed on.
 *
 * A client that comes back on a new socket is the connection that it was. So
 * the socket goes from the new connection to the old one. */
#ifndef HUB_LINE_H
#define HUB_LINE_H

#include "hub/conn.h"

struct line {
  struct transport transport; /* in no set */
  struct buf rest;            /* what was read and not used */
  struct reader reader;
  struct buf in;
  struct utf8 text;
  struct outq out;
  struct gate *gate; /* of what waits; NULL: none */
  uint32_t sent;     /* bytes of the first frame that are written already */
  bool blocked;
  bool deflates;       /* messages to the peer may be compressed */
  uint8_t window_bits; /* of its inflater then */
};

/* Takes all of that but transport and rest, which the edge has, out of the
 * connection, which has no
 * socket any more. `line` must not move in memory. */
void line_take(struct conn *conn, struct line *line);

/* Gives it to a connection that has no socket. It has `socket` from now on; the
 * caller waits for that. `deflate` is the worker's, or NULL. */
void line_put_take(struct conn *conn, struct line *line, void *socket,
                   struct deflate *deflate);

/* Nobody wants it: closes the socket, and frees the rest. On any thread. */
void line_drop(struct line *line);

#endif
