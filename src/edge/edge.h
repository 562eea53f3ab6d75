/* SPDX-License-Identifier: MIT
 * One worker's door to the network: a libwebsockets context on its loop. */
#ifndef EDGE_EDGE_H
#define EDGE_EDGE_H

#include "base/attr.h"
#include "edge/door.h"
#include "edge/handshakes.h"
#include "edge/proxy.h"
#include "edge/quiet.h"
#include "net/poller.h"
#include "net/pulse.h"
#include "protocol/protocol.h"

#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <uv.h>

/* Retry-After while draining: another server takes over, or this one has
 * started again. */
enum { EDGE_DRAIN_RETRY_S = 5 };

struct edge {
  struct protocol *protocol; /* borrowed */
  const struct config *config;
  struct lws_context *context; /* answers plain HTTP, see edge/relay */
  SSL_CTX *tls;                /* NULL without tls.cert */
  struct conn_io io;           /* of its connections, which find it by that */
  struct list sessions;        /* ws_session->node: all */
  struct list dirty;           /* conn->dirty: those with something to flush */
  struct list more;            /* ws_session->more: to be read on from */
  struct list ended;           /* ws_session->ended: those to close */
  struct conn *last; /* the one that was received from last; NULL once gone */
  struct poller poller;          /* of all sockets but those of the library */
  unsigned char *input;          /* INBOUND_BYTES */
  unsigned char *gather;         /* OUTBOUND_GATHER_BYTES */
  struct deflate *deflate;       /* NULL if it is not enabled */
  struct lws_http_mount *mounts; /* NULL without static files */
  uv_prepare_t end_of_turn;
  uv_idle_t unfinished;  /* active while a turn has left something to do */
  uv_timer_t stall_tick; /* looks for clients that take nothing */
  uv_timer_t beat;       /* turns a loop that has nothing to do */
  struct pulse pulse;
  struct door door;
  struct proxies proxies;
  struct quiet quiet;
  struct handshakes handshakes;
  bool development; /* GET /dev/token answers */
  bool draining;    /* no upgrades, /healthz says 503 */
};

/* Prepares the context and virtual host; listens nowhere. ERR_SYSTEM, with a
 * line appended to `error`, when that fails (a certificate, mostly): then
 * edge_close all the same. `edge` is zeroed but for `development`. */
MUST_CHECK int edge_open(struct edge *edge, struct protocol *protocol,
                         uv_loop_t *loop, struct buf *error);

/* Takes over an accepted, non-blocking socket, closed on failure. */
void edge_adopt_take(struct edge *edge, int fd);

/* One more handshake from that address: 0, or the milliseconds until it may
 * come again, which is counted. A proxy's own address is none. */
uint32_t edge_take_handshake(struct edge *edge, const char *address);

/* The protocol has another configuration: what is RELOADABLE is as that says.
 */
void edge_configure(struct edge *edge);

/* Reads the certificate again, if there is one; says in the log whether it is
 * another one now. One that is no good changes nothing. */
void edge_renew_certificate(struct edge *edge);

/* Starts to end everything; the loop must run until nothing is left in it. */
void edge_close(struct edge *edge);

/* After that. */
void edge_free(struct edge *edge);

#endif
