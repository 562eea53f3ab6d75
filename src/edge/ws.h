/* SPDX-License-Identifier: MIT
 * A socket's life as a WebSocket: from the library's handshake to the end.
 *
 * libwebsockets speaks TLS and HTTP, and answers the upgrade. From then on the
 * socket is ours: edge/inbound reads it and edge/outbound writes it, with
 * frames of wire/reader and wire/frame, and the library, told not to read,
 * only holds it until it is to be closed. What that is for: its documented way
 * of sending costs two epoll_ctl calls a message, its way of reading takes
 * frames that are not masked and answers some of the pings, and both look at
 * memory of their own for each message. */
#ifndef EDGE_WS_H
#define EDGE_WS_H

#include "base/buf.h"
#include "base/list.h"
#include "hub/conn.h"

#include <libwebsockets.h>

struct edge;

/* What libwebsockets keeps for each connection. */
struct ws_session {
  struct conn *conn; /* NULL before the handshake is over */
  struct lws *wsi;
  bool deflate;      /* permessage-deflate was negotiated */
  bool ours;         /* taken over from the library */
  bool paused;       /* not to be read */
  bool done;         /* nor later: it ends as soon as all is written */
  struct buf rest;   /* what had been read when it was paused, comes first */
  struct list more;  /* in edge->more: to be looked after with the turn */
  struct list ended; /* in edge->ended: to be closed with the turn */
};

/* The callback of the one protocol: a line for each reason that matters. */
int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user,
                void *in, size_t len);

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

/* Takes the connections of edge->more over, or reads on from them. */
void ws_look_after(struct edge *edge);

/* Closes those in edge->ended. */
void ws_close_ended(struct edge *edge);

#endif
