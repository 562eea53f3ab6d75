/* SPDX-License-Identifier: MIT
 * One connection: who it is, which rooms it is a member of, what waits to be
 * sent to it, and in which state it is.
 *
 * The edge makes a connection when a socket has become a WebSocket. Whoever
 * ends it calls conn_close. From that moment the connection is in no index,
 * and nothing more can be sent to it. It is freed when both its socket and its
 * farewell are over (the farewell is the hooks that scripts wanted to see).
 *
 *   CONN_NEW ──manager_login──► CONN_READY     (raw_open, without a user)
 *      │                          │   ▲  conn_gone, conn_close … : a loss
 *      │                          ▼   │  conn_back
 *      │                        CONN_AWAY ─────conn_close──────────┐
 *      └────────conn_close──────┴──► CONN_CLOSING ──conn_gone──► CONN_CLOSED
 *
 * CONN_AWAY: a client with a session has lost its socket, and may come back.
 * The connection is open: it is found, and what is sent to it is kept. It has
 * no socket, though, and no queue.
 *
 * A connection knows two others, by a few functions each: the socket it
 * stands on (struct conn_io), and the owner that keeps it (struct conn_owner).
 * It stands inside of a larger struct that has what the protocol
 * keeps for it, protocol/client. */
#ifndef HUB_CONN_H
#define HUB_CONN_H

#include "base/buf.h"
#include "base/list.h"
#include "base/stats.h"
#include "base/utf8.h"
#include "hub/backlog.h"
#include "hub/outq.h"
#include "hub/replay.h"
#include "net/transport.h"
#include "wire/close.h"
#include "wire/deflate.h"
#include "wire/reader.h"

#include "base/hash.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct conn;
struct gate;
struct line;
struct presence_info;
struct room;
struct tickets;
struct user;

/* What a connection asks of its socket. None of these functions may close the
 * connection at once: they make a note, and close it at the end of the turn. */
struct conn_io {
  /* Frames wait now, and none waited before. */
  void (*want_flush)(struct conn *conn);
  /* Write now what the socket takes; do not wait for the end of the turn. A
   * socket that is broken still ends with the turn. */
  void (*flush)(struct conn *conn);
  /* End the socket now. What waits is lost: the peer does not take it. */
  void (*kill)(struct conn *conn);
  /* For how many milliseconds the kernel has received nothing. */
  uint64_t (*silent_ms)(struct conn *conn);
  /* For how many milliseconds the peer's kernel has owed an answer. */
  uint64_t (*unanswered_ms)(struct conn *conn);
  /* Stop reading from the socket, or go on. */
  void (*pause)(struct conn *conn, bool paused);
  /* How many bytes the peer has acknowledged since the beginning. */
  uint64_t (*acked)(struct conn *conn);
  /* Gives the socket to a connection that is in no index, and that ends with
   * this code and this close frame, whose reference it takes. */
  void (*part)(struct conn *conn, int code, struct frame *last);
  /* Gives the socket to `to`, which has none. */
  void (*hand_over)(struct conn *from, struct conn *to);
  /* Takes the socket away, for another thread, and gives it to a connection
   * that has none. */
  void (*detach)(struct conn *conn, struct line *line);
  void (*attach_take)(struct conn *conn, struct line *line);
};

/* What a connection needs of the one who keeps all of them: hub/manager. */
struct conn_owner {
  uv_loop_t *loop;         /* borrowed; its clock is that of all deadlines */
  struct stats *stats;     /* borrowed */
  struct tickets *tickets; /* of events, borrowed; NULL: nobody hears of any */
  size_t queue_bytes;      /* how much may wait for one, see conn_send */
  struct backlog backlog;
  struct replays replays; /* of those with a session */
  /* Much is kept for its session: it is to be asked how much of it it has. May
   * send to the connection with conn_send_control. */
  void (*wants_ack)(struct conn *conn);
  bool parks; /* a session whose client is lost waits for it */
  /* It has become CONN_AWAY. conn->replay->away says why. */
  void (*parked)(struct conn *conn);
  /* It closes: from now on nobody may find it. */
  void (*closed)(struct conn *conn);
  /* Its socket is gone. The connection may be freed by that. */
  void (*gone)(struct conn *conn);
  /* Its socket was full, and has taken all that waited. Messages of rooms wait
   * for it (conn->held). */
  void (*drained)(struct conn *conn);
};

enum conn_state {
  CONN_NEW,
  CONN_READY,
  CONN_AWAY,
  CONN_CLOSING,
  CONN_CLOSED,
  CONN_STATES
};

/* A membership: the room, and this connection's place in its table. */
struct membership {
  struct room *room;
  uint32_t place;
};

/* With ten thousand clients the cost of a message is what the processor finds
 * in its cache, and what it does not. So the members stand by what is used
 * together, in lines of 64 bytes. To send touches the first two lines. To read
 * touches the first and the third, and one line of protocol/client. */
struct conn {
  /* The socket, and what everybody asks for. */
  struct transport transport; /* without a descriptor once it is gone */
  enum conn_state state;
  bool blocked;        /* the kernel took less than was written */
  bool raw : 1;        /* speaks a protocol of the scripts, see protocol/raw */
  bool keeps : 1;      /* what it is sent is kept in `replay` */
  bool counts : 1;     /* what it sends is counted there */
  bool uncounted : 1;  /* not for its address, by hub/manager */
  bool gated : 1;      /* not all of what waits may leave: hub/gate */
  bool told : 1;       /* the backend has heard of it, by hub/tell */
  bool traced : 1;     /* frames of it are followed, by trace/flight */
  bool is_part : 1;    /* of a trace: `traceparent` is set */
  bool peer_closed;    /* the peer ended it, not we */
  uint8_t window_bits; /* of the peer's inflater, where `deflate` is set */
  uint64_t id;
  struct conn_owner *owner; /* borrowed */
  const struct conn_io *io;
  uint32_t sent;  /* bytes of the first frame that are written already */
  int close_code; /* 0 until conn_close */

  /* What is written. */
  struct deflate *deflate; /* the worker's, if it may be used; else NULL */
  struct list dirty;       /* in the worker's list of those to flush */
  struct outq out;

  /* What is read, and whose it is. Its handlers and hooks run one at a time,
   * also while one of them waits. */
  struct reader reader;   /* cuts what comes into frames */
  struct list calls;      /* of script/call: those that wait */
  uint64_t last_frame_ms; /* when anything came, as far as it was looked for */
  struct user *user;      /* NULL before manager_login, and for raw.auth none */
  uint32_t slot;          /* a small number that no other connection has */
  uint32_t room_count;    /* of `rooms` */

  struct list user_node; /* in user->conns */
  void *socket;          /* of edge/sockets; NULL once it is gone */
  struct buf in;         /* the message being assembled from its parts */
  struct utf8 text;      /* how far the text of a raw message is valid */
  uint32_t room_cap;     /* of `rooms` */

  /* Whether it keeps up. */
  struct backlog_entry backlog;
  uint64_t over_ms; /* since when more than queue_bytes wait; 0: not known */

  /* More of who it is. */
  char *claimant;    /* the user its token named, until manager_login */
  struct list node;  /* in manager->conns, later in manager->gone */
  UT_hash_handle hh; /* in manager->by_id */
  struct address *address;
  char *claims;       /* JSON text of the token's claims, or NULL */
  char *headers;      /* "name\0value\0…\0" of the handshake, or NULL */
  char *traceparent;  /* of the handshake, valid; or NULL */
  uint64_t opened_ms; /* loop time */
  int64_t opened_s;   /* Unix seconds */

  /* What it is a member of. When it closes it leaves the rooms' tables at
   * once; the list is kept (and holds the rooms) until the farewell. */
  struct membership *rooms;
  struct list held;  /* of hub/held: rooms whose messages wait for now */
  size_t held_bytes; /* of frames that wait there */

  struct replay *replay; /* of its session; NULL: it has none */
  struct outq late;      /* what waits for others to go first, by hub/late */

  struct presence_info *info; /* what scripts say of it; NULL: nothing */

  struct gate *gate; /* set where it is `gated` */

  char *close_reason;  /* text for log and peer, or NULL: that of the code */
  uint64_t closing_ms; /* when conn_close was called */
};

/* Makes a zeroed struct, at the beginning of a line of the cache, a connection
 * in state CONN_NEW. It is in no index yet; manager_add does that. `socket` is
 * the edge's own, which sets `transport`, too. */
void conn_init(struct conn *conn, struct conn_owner *owner,
               const struct conn_io *io, void *socket);

/* It is part of that trace from now on (NULL: of none); the one before is
 * freed. */
void conn_set_traceparent_take(struct conn *conn, char *traceparent);

/* What its messages without a `traceparent` are part of; len 0: nothing. */
static inline struct slice conn_traceparent(const struct conn *conn) {
  return conn->is_part
             ? (struct slice){conn->traceparent, strlen(conn->traceparent)}
             : (struct slice){"", 0};
}

/* The connection is let in: state CONN_READY. manager_login calls it when the
 * connection is a user's, protocol/session when it is let in without one. */
void conn_ready(struct conn *conn);

/* For how long, in milliseconds, and how many times as much may wait as
 * limits.queue_bytes says before a client counts as slow. */
enum { CONN_SLOW_MS = 2000, CONN_BURST_TIMES = 8 };

/* Queues the frame, of which it takes a reference. ERR_CLOSED if the connection
 * is closing. ERR_FULL if the client is slow; it is closed 4002 then.
 *
 * A client is not slow because a script sends much at one go. When more waits
 * than queue_bytes, the socket is asked to take it. What the socket does not
 * take may wait for CONN_SLOW_MS, and may be CONN_BURST_TIMES of
 * queue_bytes. */
int conn_send(struct conn *conn, struct frame *frame);

/* Whether a frame more may wait in conn->late. */
static inline bool conn_late_fits(const struct conn *conn,
                                  const struct frame *frame) {
  return conn->late.bytes + frame->len <= conn->owner->queue_bytes;
}

/* The same for the frames that keep the connection itself going: auth_ok,
 * auth_error, pings, pongs, goodbye. A session does not count and keep them. A
 * client that is just behind should not be closed because of one of these. So
 * they may go a little over limits.queue_bytes. */
int conn_send_control(struct conn *conn, struct frame *frame);

/* The client asks for a session: what it sends from now on counts. */
void conn_count(struct conn *conn);

/* The session begins: what is sent with conn_send from now on is counted and
 * kept. After conn_count, and conn->replay->secret is set. */
void conn_keep(struct conn *conn);

/* The client has the first `n` messages of its session. Nothing without one. */
void conn_acked(struct conn *conn, uint64_t n);

/* Queues what is kept for the session once more, all of it. */
void conn_replay(struct conn *conn);

/* A client that was away is there again, or another socket has taken the place
 * of its own: CONN_READY. */
void conn_back(struct conn *conn);

/* Ends the connection: takes it out of every index, says why in the log, and
 * queues a close frame behind what waits. If a full queue is the reason, the
 * close frame takes the place of what waits. Then the peer has a moment to
 * close its side, see protocol/heartbeat. `reason` is copied; NULL means that
 * of the code. Does nothing when the connection is closing already.
 *
 * A client with a session may come back after some codes (4001, 4004). Then it
 * is only the socket that ends so, and the connection is CONN_AWAY. */
void conn_close(struct conn *conn, int code, const char *reason);

/* The peer ends the connection with a close frame of this code, 0 if it names
 * none. It is conn_close with the answer that RFC 6455, 5.5.1, wants. When the
 * peer reads that answer, nobody finds the connection any more. A proxy may say
 * that it goes, or a program that ends; a client with a session is CONN_AWAY
 * then. */
void conn_peer_closes(struct conn *conn, int code);

/* For one that is in no index: it ends with this close frame, whose reference
 * it takes. */
void conn_end_take(struct conn *conn, int code, struct frame *last);

/* Its socket has gone to another one, and nobody need know that it was. */
void conn_vanish(struct conn *conn);

/* Nothing of what waits will be written any more: the socket is broken, gone,
 * or to be cut off. If it is blocked the caller calls conn_queue_changed. */
void conn_forget_queue(struct conn *conn);

/* Tells the backlog how much waits. To be called when `blocked`, what waits or
 * the state has changed, while it is or was blocked. */
void conn_queue_changed(struct conn *conn);

/* The socket is gone. If nobody has closed the connection, its peer has done
 * so without a word; a client with a session is CONN_AWAY then. The edge calls
 * this once for each socket. */
void conn_gone(struct conn *conn);

/* Whether one of its handlers or hooks waits; then the next must not begin. */
static inline bool conn_is_busy(const struct conn *conn) {
  return !list_empty(&conn->calls);
}

/* Whether it can be sent to. */
static inline bool conn_is_open(const struct conn *conn) {
  return conn->state <= CONN_AWAY;
}

/* Whether it is known who it is, and it has not ended. */
static inline bool conn_is_let_in(const struct conn *conn) {
  return conn->state == CONN_READY || conn->state == CONN_AWAY;
}

/* Whether it takes less than it is sent, because its socket is full. (When much
 * waits, this tries to write first.) Messages that may be skipped are skipped
 * then. */
bool conn_is_behind(struct conn *conn);

/* Frees what it holds, but not the struct: its owner does that, when socket
 * and farewell are over. */
void conn_clear(struct conn *conn);

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
