/* SPDX-License-Identifier: MIT
 * One client: who it is, what it is a member of, what waits to be sent to it,
 * and in which state it is.
 *
 * A connection is made by the edge when a socket has become a WebSocket and
 * is freed when three things are over: the socket, the farewell (hooks that
 * scripts wanted to see, said by protocol/session) and the timer's close
 * callback. Whoever ends it calls conn_close; from that moment it is in no
 * index and nothing more can be sent to it.
 *
 *   CONN_NEW ──manager_login──► CONN_READY     (raw_open, without a user)
 *      └────────conn_close──────┴──► CONN_CLOSING ──conn_gone──► CONN_CLOSED
 *
 * Nothing here knows the socket library or Lua: the way out is conn_io. */
#ifndef HUB_CONN_H
#define HUB_CONN_H

#include "base/buf.h"
#include "base/list.h"
#include "base/utf8.h"
#include "hub/bucket.h"
#include "hub/outq.h"
#include "net/poller.h"
#include "net/turn.h"
#include "wire/close.h"
#include "wire/deflate.h"
#include "wire/reader.h"

#include "base/hash.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct conn;
struct inbox;
struct login;
struct manager;
struct room;
struct user;

/* What a connection asks of its socket. None may close the connection at once:
 * that they note, and do at the end of the turn. */
struct conn_io {
  /* Frames wait, and none did before. */
  void (*want_flush)(struct conn *conn);
  /* Write now what the socket takes, not only at the end of the turn. A broken
   * socket still ends with the turn. */
  void (*flush)(struct conn *conn);
  /* End the socket now, whatever waits: the peer does not take it. */
  void (*kill)(struct conn *conn);
  /* For how many milliseconds the kernel has received nothing. */
  uint64_t (*silent_ms)(struct conn *conn);
  /* Stop reading from the socket, or go on. */
  void (*pause)(struct conn *conn, bool paused);
  /* How many bytes the peer has acknowledged since the beginning. */
  uint64_t (*acked)(struct conn *conn);
};

enum conn_state { CONN_NEW, CONN_READY, CONN_CLOSING, CONN_CLOSED };

/* A membership: the room, and this connection's place in its table. */
struct membership {
  struct room *room;
  uint32_t place;
};

/* With ten thousand clients a message costs what it finds in the processor's
 * cache, and what not. So the members stand by what is used together, in lines
 * of 64 bytes: to send takes the first two, to read the first and the two after
 * those. */
struct conn {
  /* The socket, and what everybody asks for. */
  struct poller_item watch; /* its descriptor is -1 once it is gone */
  enum conn_state state;
  bool blocked;        /* the kernel took less than was written */
  bool raw;            /* speaks a protocol of the scripts, see protocol/raw */
  bool greeted;        /* @connect ran, so @disconnect is due */
  uint8_t window_bits; /* of the peer's inflater, where `deflate` is set */
  uint64_t id;
  struct manager *manager; /* borrowed */
  const struct conn_io *io;
  void *tls;     /* the SSL object of OpenSSL, NULL: plain */
  uint32_t sent; /* bytes of the first frame that are written already */

  /* What is written. */
  struct deflate *deflate; /* the worker's, if it may be used; else NULL */
  struct list dirty;       /* in the worker's list of those to flush */
  struct outq out;

  /* What is read, and whose it is. */
  struct reader reader;  /* cuts what comes into frames */
  struct inbox *inbox;   /* messages that wait for a handler; NULL: none */
  struct user *user;     /* NULL before manager_login, and for raw.auth none */
  struct list user_node; /* in user->conns */
  uint32_t slot;         /* a small number that no other connection has */
  uint8_t held;          /* why it is not read, by protocol/hold; 0: it is */

  /* What a message costs its sender; its handlers and hooks run one at a time,
   * also while one waits. */
  struct list calls;      /* of script/call: those that wait */
  uint64_t last_frame_ms; /* when anything came, as far as it was looked for */
  struct bucket messages, bytes; /* by protocol/router */
  void *socket;                  /* edge/ws's own; NULL once it is gone */

  struct buf in;    /* the message being assembled from its parts */
  struct utf8 text; /* how far the text of a raw message is valid */

  /* Its place among those that do not keep up, by hub/backlog. */
  struct list backlog;
  size_t backlog_bytes; /* as they are counted there */
  uint64_t acked;       /* at acked_ms, when it was last seen to have changed */
  uint64_t acked_ms;
  uint64_t over_ms; /* since when more than queue_bytes wait; 0: not known */

  /* More of who it is. */
  struct task task;    /* messages wait for their turn, by protocol/router */
  char *claimant;      /* the user its token named, until manager_login */
  struct login *login; /* waits for a place, by protocol/auth; or NULL */
  bool awaits_key;     /* its first token does, in protocol/keywait */
  struct list node;    /* in manager->conns, later in manager->gone */
  UT_hash_handle hh;   /* in manager->by_id */
  struct address *address;
  char *claims;       /* JSON text of the token's claims, or NULL */
  char *headers;      /* "name\0value\0…\0" of the handshake, or NULL */
  int64_t expires_s;  /* when the token ends, Unix seconds; 0: never */
  uint64_t opened_ms; /* loop time */
  int64_t opened_s;   /* Unix seconds */
  uint32_t farewells; /* hooks of its farewell that have begun */

  /* What it is a member of. When it closes it leaves the rooms' tables at
   * once; the list is kept (and holds the rooms) until the farewell. */
  struct membership *rooms;
  uint32_t room_count, room_cap;

  /* Deadlines, by protocol/heartbeat: one timer, re-armed lazily. */
  uv_timer_t timer;
  uint64_t pinged_ms; /* when the last ping was sent; 0: none yet */
  uint64_t next_ping_ms;
  uint64_t probe_ms;   /* when it must have answered a probe; 0: none */
  uint64_t closing_ms; /* when conn_close was called */
  uint64_t resume_ms;  /* when it is read again after a flood; 0: it is */

  struct bucket errors;                 /* answered to it, by protocol/answer */
  struct bucket refused, refused_bytes; /* past its rates, by protocol/router */
  uint64_t rate_told_ms; /* when RATE_LIMITED was last sent without an id */

  int close_code;     /* 0 until conn_close */
  bool peer_closed;   /* the peer ended it, not we */
  char *close_reason; /* text for log and peer, or NULL: that of the code */
};

/* A new connection in state CONN_NEW, in no index; manager_add does that.
 * `socket` is the edge's own, which sets watch.fd and `tls`, too. */
struct conn *conn_new(uv_loop_t *loop, const struct conn_io *io, void *socket);

/* For manager_login: the connection is a user's now. For protocol/raw: it is
 * let in without one. */
void conn_ready(struct conn *conn);

/* For how long, in milliseconds, and how many times as much may wait as
 * limits.queue_bytes says before a client counts as slow. */
enum { CONN_SLOW_MS = 2000, CONN_BURST_TIMES = 8 };

/* Queues the frame (a reference of it). ERR_CLOSED if the connection is
 * closing; ERR_FULL if the client is slow: it is closed 4002 then.
 *
 * What a script sends at one go is no sign of that. When more waits than
 * queue_bytes, the socket is asked to take it; what it does not take may wait
 * for CONN_SLOW_MS, and up to CONN_BURST_TIMES of queue_bytes. */
int conn_send(struct conn *conn, struct frame *frame);

/* The same for what keeps the connection itself going: pings, auth_ok,
 * goodbye. A client that is just behind should not be closed for one of
 * these, so they may go a little over limits.queue_bytes. */
int conn_send_control(struct conn *conn, struct frame *frame);

/* Ends the connection: takes it out of every index, says why in the log, and
 * queues a close frame behind what waits (in its place, if a full queue was
 * the reason). Then the peer has a moment to close its side, see
 * protocol/heartbeat. `reason` is copied; NULL means that of the code. Does
 * nothing when it is closing already. */
void conn_close(struct conn *conn, int code, const char *reason);

/* The peer ends the connection with a close frame of this code, 0 if it names
 * none: conn_close with what RFC 6455, 5.5.1, wants for an answer. Nobody
 * finds the connection any more when the peer reads that. */
void conn_peer_closes(struct conn *conn, int code);

/* Nothing of what waits will be written any more: the socket is broken, gone,
 * or to be cut off. The caller tells the backlog, if it is blocked. */
void conn_forget_queue(struct conn *conn);

/* The socket is gone; if nobody has closed the connection, its peer has
 * without a word. Called once, by the edge. */
void conn_gone(struct conn *conn);

/* Whether a handler or a hook of it waits: the next must not begin. */
static inline bool conn_is_busy(const struct conn *conn) {
  return !list_empty(&conn->calls);
}

/* Whether it can be sent to. */
static inline bool conn_is_open(const struct conn *conn) {
  return conn->state <= CONN_READY;
}

/* Whether it takes less than it is sent: its socket is full. (When much waits,
 * that is tried.) Messages that may be skipped are then. */
bool conn_is_behind(struct conn *conn);

/* Closes the timer and frees the connection in its close callback. For
 * manager_release, when socket and farewell are over. */
void conn_free(struct conn *conn);

/* The user's id; before login that of its accepted token; NULL if none. */
const char *conn_user_id(const struct conn *conn);

/* The same for log lines: "-" for none. */
static inline const char *conn_user_name(const struct conn *conn) {
  const char *id = conn_user_id(conn);
  return id ? id : "-";
}

/* Why it was closed, in a word or, from a script, in its words. */
const char *conn_close_reason(const struct conn *conn);

#endif
