/* SPDX-License-Identifier: MIT
 * From an accepted socket to its requests, and to the end of the answers.
 *
 *   VISITOR_TLS ─► VISITOR_HEAD ─┬─► visitor_take   it becomes a WebSocket
 *                   ▲            ├─► VISITOR_RELAY  edge/relay answers it ─┐
 *                   │            └─► VISITOR_ANSWER it is refused in words │
 *                   └──────────────────────────────────────────────────────┤
 *                                    VISITOR_END  ◄────────────────────────┘
 *
 * The head is read by us (wire/request), plain or over TLS, on the port of the
 * clients and on the admin address. One request is answered at a time, and the
 * next is read when all of the answer has left, from a client that has waited
 * for that. After a refusal, after a request with a body, and when more came
 * together with a request (which is for WebSockets only), the connection ends
 * with the answer: so nobody waits for a body, and nothing that a client sent
 * as one thing is taken for another.
 *
 * At the end the peer is told that nothing more comes, and what it still sends
 * is read and dropped for a moment: closed with bytes unread, a socket resets
 * the connection, and the answer may be lost.
 *
 * Who has a visitor has its descriptor, its deadline and its place among those
 * of its address (edge/pending). */
#ifndef EDGE_DOOR_H
#define EDGE_DOOR_H

#include "base/buf.h"
#include "base/stats.h"
#include "edge/pending.h"
#include "edge/quiet.h"
#include "edge/refusal.h"
#include "net/poller.h"
#include "wire/request.h"

#include <libwebsockets.h>
#include <openssl/ssl.h>

struct door;

enum visitor_state {
  VISITOR_TLS,
  VISITOR_HEAD,
  VISITOR_RELAY,
  VISITOR_ANSWER,
  VISITOR_END,
};

struct visitor {
  struct pending_socket socket;
  struct list node; /* in door->fresh or door->queue */
  struct door *door;
  struct poller_item watch; /* its descriptor */
  SSL *tls;                 /* NULL: plain */
  enum visitor_state state;
  bool head;      /* a HEAD request: its answer has no body */
  bool last;      /* no request is read after this one */
  uint8_t asked;  /* requests so far */
  struct buf in;  /* of the head, when it did not come at once; later the
                   * request for the relay */
  struct buf out; /* what is to be written, from `written` on */
  size_t written;
  size_t moved; /* bytes since its deadline was set, or dropped at the end */
  struct poller_item inner; /* edge/relay's end of the pair; -1: none */
  bool answered;            /* the relay has carried something */
};

/* A request, well-formed, and what came behind it. Must lead to one of the
 * visitor_ functions below. */
typedef void door_fn(void *arg, struct visitor *visitor,
                     const struct request *request, struct slice rest);

struct door {
  struct pending pending;
  struct list fresh;  /* visitors not looked at yet */
  struct list queue;  /* those that wait for a relay */
  uint32_t relays;    /* under way */
  uint32_t relay_max; /* set by the caller, as are those below */
  struct lws_vhost *vhost;
  struct poller *poller;
  unsigned char *input; /* INBOUND_BYTES: nobody else's while it is used */
  struct stats *stats;
  struct quiet *quiet;
  door_fn *request;
  void *arg;
  bool ended;
};

enum { DOOR_REQUESTS_MAX = 100 }; /* of one connection */

/* `request_ms`: for TLS and the head; `answer_ms`: in which the peer must have
 * taken some of its answer; `max`: sockets in all. */
void door_open(struct door *door, uv_loop_t *loop, uint64_t request_ms,
               uint64_t answer_ms, uint32_t max);

/* One more, from `address`; a TLS handshake comes first if `tls` is not NULL.
 * `limit`: sockets that one address may have here, 0 for any number; one too
 * many is told so and closed. The descriptor is the door's from now on. */
void door_welcome_take(struct door *door, int fd, SSL_CTX *tls,
                       const char *address, uint32_t limit);

/* Refuses an accepted socket at once, and keeps nothing of it. Over TLS there
 * can be no words yet, only an alert. Closes it. */
void door_turn_away(struct door *door, int fd, bool tls, const char *address,
                    const struct refusal *refusal);

/* Looks at those that have come in this turn of the loop: most requests are
 * there already. Not while others are accepted: who asks again and again would
 * be answered there, before the end of what was asked before is noticed. */
void door_look(struct door *door);

/* Ends all visitors; the timer's close callback comes later on the loop. */
void door_close(struct door *door);

/* Answers it. The words are copied; the line goes to the log, too, as often as
 * edge/quiet lets it. */
void visitor_refuse(struct visitor *visitor, const struct refusal *refusal);

/* Refuses it without a line in the log. */
void visitor_answer(struct visitor *visitor, const struct refusal *refusal);

/* The socket is the caller's: no deadline, nothing is waited for. The visitor
 * stays, and with it the request, until visitor_free. */
void visitor_take(struct visitor *visitor, int *fd, SSL **tls);

/* Frees it, and closes the socket unless that was taken. */
void visitor_free(struct visitor *visitor);

/* For edge/relay: the answer has left. The next request is waited for, or the
 * end. */
void visitor_done(struct visitor *visitor);

/* For edge/relay: waits for that on the peer's socket. False: the kernel has no
 * memory for that, and the visitor is gone. */
bool visitor_want(struct visitor *visitor, uint32_t events);

/* For edge/relay: moved so many bytes to the peer, which may have more time. */
void visitor_moved(struct visitor *visitor, size_t bytes);

#endif
