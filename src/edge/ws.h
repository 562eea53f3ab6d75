/* SPDX-License-Identifier: MIT
 * A connection's life on its socket, from the answer to its handshake (see
 * edge/upgrade) to the end.
 *
 * Descriptor and SSL object are ours, in struct conn: edge/inbound reads them
 * and edge/outbound writes them, with frames of wire/reader and wire/frame. */
#ifndef EDGE_WS_H
#define EDGE_WS_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/list.h"
#include "hub/conn.h"
#include "wire/request.h"

#include <openssl/ssl.h>

struct edge;

/* What the edge keeps for each connection. */
struct ws_session {
  struct conn *conn;
  bool paused;       /* not to be read */
  bool done;         /* nor later: it ends as soon as all is written */
  struct buf rest;   /* what had been read when it was paused, comes first */
  struct list node;  /* in edge->sessions */
  struct list more;  /* in edge->more: to be read on from with the turn */
  struct list ended; /* in edge->ended: to be closed with the turn */
};

/* A new connection on a socket whose handshake was answered, both its own from
 * now on; `rest` came behind the request, and is read first. */
struct conn *ws_open_take(struct edge *edge, int fd, SSL *tls,
                          struct slice rest);

/* It is in the manager: reads with the end of the turn, and waits for more. */
void ws_start(struct conn *conn);

/* Closes the sockets of all that are left. */
void ws_close_all(struct edge *edge);

/* What connections ask of their sockets; for edge->io. */
extern const struct conn_io ws_io;

/* The session of a connection that has a socket. */
struct ws_session *ws_session_of(const struct conn *conn);

/* Waits for what the state of the connection wants: something to read, room
 * for something to write. Ends one that is done when nothing waits any more. */
void ws_wait(struct conn *conn);

/* Nothing is read any more. It ends when what waits has been written, and that
 * has until the deadline of closing connections, see protocol/heartbeat. */
void ws_finish(struct conn *conn);

/* Nothing is read or written any more; the socket is closed with the turn. */
void ws_end(struct conn *conn);

/* Reads on from the connections in edge->more. */
void ws_look_after(struct edge *edge);

/* Closes those in edge->ended. */
void ws_close_ended(struct edge *edge);

#endif
