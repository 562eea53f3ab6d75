/* SPDX-License-Identifier: MIT
 * The WebSocket side of libwebsockets: handshake, receive, flush, close.
 *
 * Only edge/ knows libwebsockets. Its documented way of sending (ask for a
 * WRITEABLE callback, write one message in it) costs two epoll_ctl calls a
 * message. Here frames gather in the connections' queues; at the end of the
 * loop turn each connection that has some is flushed once, with one
 * LWS_WRITE_RAW of ready-made frames: as it is when there is one, gathered
 * into one buffer when there are several. (The answer to a message leaves even
 * earlier, when the next connection is received from: see flush_last.) Only a
 * connection whose socket did
 * not take all of it goes on by WRITEABLE callbacks, until it has.
 *
 * Close frames go the same way, as the last frame of the queue: the library's
 * own close cannot be used outside of its receive callback, because its debug
 * builds (Debian's is one) hang up at once on a second call that they make. */
#ifndef EDGE_WS_H
#define EDGE_WS_H

#include "base/list.h"
#include "core/conn.h"
#include "core/utf8.h"

#include <libwebsockets.h>

struct edge;

/* What libwebsockets keeps for each connection. */
struct ws_session {
  struct conn *conn;  /* NULL before the handshake is over */
  int peer_code;      /* what the peer's close frame said; 0: none came */
  size_t turn_bytes;  /* received since the last ws_read_more */
  bool deflate;       /* permessage-deflate was negotiated */
  bool compressed;    /* so is the message that is being received */
  bool in_frame;      /* and of its frame more is to come */
  struct utf8 text;   /* of the raw message that is being received */
  struct list more;   /* in edge->more: there may be more to read */
  struct list failed; /* in edge->failed: to be ended with the turn */
  struct lws *wsi;    /* then; else NULL */
};

/* The bytes that leave in one write at most, single longer frames aside. */
enum { WS_GATHER_BYTES = 64 * 1024 };

/* The largest message that is read in one piece; longer ones are assembled.
 * Allocated for each connection: 512 is the least that lets the handshake of
 * a browser through in one read. */
enum { WS_RX_BYTES = 512 };

/* The callback of the one protocol: a line for each reason that matters. */
int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user,
                void *in, size_t len);

/* What connections ask of their sockets; for edge->io. */
extern const struct conn_io ws_io;

/* Reads on from the connections in edge->more. The library reads WS_RX_BYTES
 * a loop turn, then the turn's frames are flushed: a client that sends many
 * small messages at once would get (and cause) a write for every few of them.
 * So before the flush, those that filled a read are read further, a bounded
 * number of times. */
void ws_read_more(struct edge *edge);

/* Hangs up on the connections in edge->failed, which have got a close frame
 * for what they sent. Before the loop waits: the library would send one more
 * then. */
void ws_end_failed(struct edge *edge);

/* Writes out what connections in edge->dirty have queued. Returns whether that
 * were all: when there are many, the loop looks for input after some of them.
 * So who waits for something else is not held up by a message to thousands,
 * and what is sent to them meanwhile leaves in the same writes. */
bool ws_flush_dirty(struct edge *edge);

#endif
