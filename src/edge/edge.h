/* SPDX-License-Identifier: MIT
 * What a worker has for the network, put together.
 *
 *   accepted socket ─► door ─► its request ─┬─► upgrade ─► sockets, ws
 *                                           ├─► web ─► scripts
 *                                           └─► relays ─► library: pages, files
 *
 * Each part is handed what it needs, and knows nothing of this struct. */
#ifndef EDGE_EDGE_H
#define EDGE_EDGE_H

#include "base/attr.h"
#include "edge/door.h"
#include "edge/library.h"
#include "edge/pages.h"
#include "edge/quiet.h"
#include "edge/relay.h"
#include "edge/sockets.h"
#include "edge/upgrade.h"
#include "edge/web.h"
#include "net/poller.h"
#include "net/pulse.h"
#include "protocol/protocol.h"

#include <openssl/types.h>
#include <uv.h>

struct edge {
  struct protocol *protocol; /* borrowed */
  const struct config *config;
  SSL_CTX *tls;          /* NULL without tls.cert */
  struct poller poller;  /* of all sockets but those of the library */
  unsigned char *input;  /* TRANSPORT_BLOCK_BYTES: whoever reads, uses it up */
  unsigned char *gather; /* OUTBOUND_GATHER_BYTES */
  struct deflate *deflate; /* NULL if it is not enabled */
  struct sockets sockets;  /* of connections */
  struct door door;        /* for sockets that are none yet */
  struct upgrade upgrade;  /* from there to here */
  struct web web;          /* what scripts answer */
  struct relays relays;    /* what the library answers */
  struct library library;
  struct lws_http_mount *mounts; /* NULL without static files */
  struct pages pages;            /* `development` is set by the caller */
  struct quiet quiet;
  struct pulse pulse;
  uv_prepare_t end_of_turn;
  struct timing *turns;      /* borrowed */
  uint64_t turn_ns, idle_ns; /* at its last end: the time, and of it idle */
  uint64_t writes;           /* until then */
  uv_idle_t unfinished;      /* active while a turn has left something to do */
  uv_timer_t stall_tick;     /* looks for clients that take nothing */
  uv_timer_t beat;           /* turns a loop that has nothing to do */
};

/* Prepares everything; listens nowhere. ERR_SYSTEM or ERR_CONFIG, with a line
 * appended to `error`, when that fails (a certificate, mostly): then edge_close
 * all the same. `edge` is zeroed but for pages.development. */
MUST_CHECK int edge_open(struct edge *edge, struct protocol *protocol,
                         uv_loop_t *loop, struct buf *error);

/* Takes over an accepted, non-blocking socket, closed on failure. */
void edge_adopt_take(struct edge *edge, int fd);

/* The protocol has another configuration: what is RELOADABLE is as that says.
 */
void edge_configure(struct edge *edge);

/* Reads the certificate again, if there is one; says in the log whether it is
 * another one now. One that is no good changes nothing. */
void edge_renew_certificate(struct edge *edge);

/* Lets nobody in any more, and /healthz says so. */
void edge_drain(struct edge *edge);

/* Starts to end everything; the loop must run until nothing is left in it. */
void edge_close(struct edge *edge);

/* After that. */
void edge_free(struct edge *edge);

#endif
