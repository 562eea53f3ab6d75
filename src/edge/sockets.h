/* SPDX-License-Identifier: MIT
 * The sockets of a worker's connections: what each is waited for, and its end.
 *
 *   SOCKET_READS ◄──► SOCKET_PAUSED
 *        ├───────────────┴──► SOCKET_LAST ──┐
 *        └───────────────┴──────────────────┴──► SOCKET_ENDED ──► freed
 *
 * READS: the socket is read from and written to.
 * PAUSED: it is written to only. The protocol holds the connection back, and
 * says when it goes on.
 * LAST: nothing is read any more. The socket ends when all that waits has been
 * written; until when that must be is said by protocol/heartbeat.
 * ENDED: nothing is read or written any more. The socket is in no set, and is
 * closed with the end of the turn, so that nobody who has it in hand loses it.
 *
 * Only socket_pause, socket_finish and socket_end change that. Apart from it
 * the socket may be full (conn->blocked). That says how far the peer has come,
 * not what we want of it, and is possible in the first three states.
 *
 * The descriptor is the connection's transport. It came from a visitor
 * (edge/upgrade), and nothing else has it: neither libwebsockets nor a handle
 * of libuv. */
#ifndef EDGE_SOCKETS_H
#define EDGE_SOCKETS_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/list.h"
#include "events/tickets.h"
#include "hub/conn.h"
#include "net/poller.h"
#include "net/pulse.h"

struct protocol;
struct ring;

/* All of a worker. */
struct sockets {
  struct conn_io io; /* of the connections, which find this struct by it */
  struct protocol *protocol; /* borrowed, as are those below */
  struct poller *poller;
  struct pulse *pulse;
  struct timing *deliveries; /* borrowed */
  unsigned char *input;      /* TRANSPORT_BLOCK_BYTES */
  unsigned char *gather;     /* OUTBOUND_GATHER_BYTES */
  struct ring *ring;         /* NULL: none was needed yet, or is to be had */
  bool wants_ring;           /* it is made when it is needed */
  struct deflate *deflate;   /* of the worker; NULL if it is not enabled */
  struct list all;           /* socket->node */
  struct list dirty;         /* conn->dirty: those with something to flush */
  struct list held; /* conn->dirty: of those whose frames wait, hub/gate */
  struct ticket_waiter settled; /* for these; open where there are events */
  struct list more;             /* socket->more: to be read on from */
  struct list ended;            /* socket->ended: those to close */
  struct conn *last; /* the one that was received from last; NULL once gone */
};

enum socket_state { SOCKET_READS, SOCKET_PAUSED, SOCKET_LAST, SOCKET_ENDED };

/* What the edge keeps for each connection. */
struct socket {
  struct conn *conn;
  enum socket_state state;
  uint32_t full_ms;  /* loop time at which it was full; its low bits */
  struct buf rest;   /* what was read and may not be used yet: comes first */
  struct list node;  /* in sockets->all */
  struct list more;  /* in sockets->more: to be read on from with the turn */
  struct list ended; /* in sockets->ended: to be closed with the turn */
};

static inline struct sockets *sockets_of(const struct conn *conn) {
  return container_of(conn->io, struct sockets, io);
}

/* That of a connection which still has one. */
static inline struct socket *socket_of(const struct conn *conn) {
  return conn->socket;
}

/* A new connection, on a transport that is its own from now on. */
struct conn *socket_open_take(struct sockets *sockets,
                              struct transport transport);

/* A socket for a connection that has none; the caller gives it a transport. */
struct socket *socket_new(struct sockets *sockets, struct conn *conn);

/* Out of all lists, and freed. Its transport was closed, or has gone. */
void socket_free(struct sockets *sockets, struct socket *socket);

/* Waits for what its state wants: something to read, room for something to
 * write. Ends the socket when it has written its last. */
void socket_wait(struct conn *conn);

/* The socket is full, or not any more. */
void socket_note_full(struct conn *conn, bool full);

/* To be read on from, without being told by the kernel. */
void socket_read_on(struct socket *socket);

/* Stops reading, or goes on. Nothing if it is not read any more anyway. */
void socket_pause(struct conn *conn, bool paused);

/* SOCKET_LAST. Nothing if it has come to that already. */
void socket_finish(struct conn *conn);

/* SOCKET_ENDED. Nothing if it has come to that already. */
void socket_end(struct conn *conn);

/* Closes those that have ended. */
void sockets_close_ended(struct sockets *sockets);

/* Closes all that are left. */
void sockets_close_all(struct sockets *sockets);

#endif
