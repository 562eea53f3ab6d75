/* SPDX-License-Identifier: MIT
 * One client as the protocol sees it, and what all clients of a worker share.
 *
 * A client is a connection (hub/conn) and what only this room knows of it: its
 * rates, what waits for its handlers, its login and its deadlines. Who is not
 * of this room has the connection; client_of is the way from there. */
#ifndef PROTOCOL_CLIENT_H
#define PROTOCOL_CLIENT_H

#include "base/mem.h"
#include "base/stats.h"
#include "hub/bucket.h"
#include "hub/manager.h"
#include "hub/rates.h"
#include "net/turn.h"
#include "net/wheel.h"
#include "script/host.h"
#include "wire/frame.h"
#include "wire/msg_id.h"

struct inbox;
struct keywait;
struct online;

/* How far scripts know a client; protocol/session tells, and changes it. */
enum session_state {
  SESSION_NEW,          /* nobody yet */
  SESSION_AWAITS_KEY,   /* that of its token is being fetched */
  SESSION_AWAITS_PLACE, /* its user has too many connections, dead ones maybe */
  SESSION_RESUMES,      /* the session that it asks for is looked for */
  SESSION_GREETED,      /* let in; @connect was called */
  SESSION_LEAVES,       /* closed after that: its farewell is said */
  SESSION_ENDS,         /* closed before that: no hook hears of it */
  SESSION_STATES
};

/* A login for which there was no place. */
struct login {
  uint64_t until_ms; /* loop time at which it is decided */
  struct msg_id id;  /* of the message that is answered then */
};

struct client {
  struct conn conn;
  struct bucket refused, refused_bytes; /* past its rates, by protocol/router */

  /* What a message costs its sender, and where it waits: one line of the
   * cache, as in hub/conn. */
  _Alignas(MEM_LINE_BYTES) struct bucket messages; /* by protocol/router, */
  struct bucket bytes;                             /* both */
  struct inbox *inbox;  /* messages that wait for a handler; NULL: none */
  struct login *login;  /* set in SESSION_AWAITS_PLACE */
  uint32_t farewells;   /* hooks of its farewell that have begun */
  uint8_t held;         /* why it is not read, by protocol/hold; 0: it is */
  uint8_t session;      /* enum session_state */
  bool says_pong : 1;   /* it has sent a `pong`: it knows how to answer */
  bool is_service : 1;  /* its token has auth.service_claim: no rates */
  bool is_too_many : 1; /* no room for it but that of a session, if it has one
                         */
  bool asks_later : 1;  /* an `auth` without a token means that of the handshake
                         */
  uint8_t news;         /* what scripts are to hear, by protocol/away */
  uint64_t resume_ms;   /* when it is read again after a flood; 0: it is */

  struct task task;  /* it goes on by itself, by protocol/session */
  int64_t expires_s; /* when the token ends, Unix seconds; 0: never */
  char *brought;     /* the token of the handshake, with asks_later; or NULL */

  /* By protocol/heartbeat: the earliest of its deadlines, set lazily. */
  struct deadline deadline;
  uint64_t pinged_ms; /* when the last ping was sent; 0: none yet */
  uint64_t next_ping_ms;
  uint64_t probe_ms; /* when it must have answered a probe; 0: none */

  uint64_t rate_told_ms; /* when RATE_LIMITED was last sent without an id */
  struct bucket errors;  /* answered to it, by protocol/answer */
};

/* Each line more is 64 MB of a million clients: see where there is a hole. */
_Static_assert(sizeof(void *) != 8 ||
                   sizeof(struct client) <= (size_t)12 * MEM_LINE_BYTES,
               "a client takes one line of the cache more");

struct protocol {
  const struct config *config; /* the live generation holds it */
  uv_loop_t *loop;             /* borrowed */
  struct stats stats;
  struct manager manager;
  struct presence *presence; /* of all workers; borrowed, set by who made it;
                              * NULL where scripts are only checked */
  struct roster roster;
  const struct conn_io *io; /* of the edge, for connections of other workers */
  struct wheel wheel;       /* of deadlines */
  struct rates *rates;      /* those that handlers declare; borrowed, set by who
                             * made them, before the first message */
  struct host host;
  /* A message that has waited, to protocol/router, which uses what calls
   * this. */
  void (*handle_late)(struct conn *conn, const char *text, size_t len,
                      bool is_binary);
  struct keywait *keywait; /* tokens whose key is being fetched; NULL: no keys
                            * are */
  struct online *online;   /* users to tell scripts of; NULL: none so far */
  struct list questions;   /* of protocol/history: not answered yet */
  struct frame *ping;      /* {"type":"ping"}, shared by all connections */
  struct frame *pong;
  struct frame *ping_frame; /* of opcode 9, which libraries answer */
  struct buf out;           /* where answers are written */
  bool in_turn;  /* what is answered now is a handler's: see hub/late */
  bool draining; /* no session outlives its socket any more */
};

/* A new client on a socket: its connection is in state CONN_NEW, in no index.
 * hub/manager frees it when all is over. */
struct conn *client_new(struct protocol *protocol, const struct conn_io *io,
                        void *socket);

/* For manager_init. */
void client_free(struct conn *conn);

static inline struct client *client_of(const struct conn *conn) {
  return container_of(conn, struct client, conn);
}

/* It is not known yet who it is; what it sends waits. */
static inline bool client_awaits(const struct client *client) {
  return client->session == SESSION_AWAITS_KEY ||
         client->session == SESSION_AWAITS_PLACE ||
         client->session == SESSION_RESUMES;
}

/* A handler of it waits, or messages do. */
static inline bool client_is_occupied(const struct conn *conn) {
  return conn_is_busy(conn) || client_of(conn)->inbox;
}

static inline struct protocol *protocol_of(const struct conn *conn) {
  return container_of(manager_of(conn), struct protocol, manager);
}

#endif
