/* SPDX-License-Identifier: MIT
 * One accepted socket that is no WebSocket, or not yet.
 *
 *   VISITOR_TLS ─► VISITOR_HEAD ─┬─► visitor_take    it becomes a WebSocket
 *                   ▲            ├─► VISITOR_LENT    somebody answers it ────┐
 *                   │            └─► VISITOR_ANSWER  it is refused in words ─┤
 *                   └────────────────────────────────────────────────────────┤
 *                                    VISITOR_END  ◄──────────────────────────┘
 *
 * TLS and HEAD: edge/door reads its request.
 * LENT: an answerer has it (edge/relay), and gives it back with visitor_done.
 * ANSWER: a refusal is written. The connection ends with it.
 * END: the peer is told that nothing more comes. What it still sends is read
 * and dropped for a moment: a socket that is closed with bytes unread resets
 * the connection, and the answer may be lost.
 *
 * A visitor owns its descriptor until visitor_take. In every state it has a
 * deadline and a place among those of its address (edge/pending), so a socket
 * cannot be forgotten. */
#ifndef EDGE_VISITOR_H
#define EDGE_VISITOR_H

#include "base/buf.h"
#include "base/stats.h"
#include "edge/pending.h"
#include "edge/quiet.h"
#include "edge/refusal.h"
#include "net/transport.h"
#include "wire/preface.h"

struct visitor;

enum visitor_state {
  VISITOR_TLS,
  VISITOR_HEAD,
  VISITOR_LENT,
  VISITOR_ANSWER,
  VISITOR_END,
};

/* Who answers a request of a visitor. */
struct answerer {
  /* The peer's socket is ready for what visitor_want has named, or broken. */
  void (*ready)(struct visitor *visitor, uint32_t events);
  /* Its deadline is over: true if the visitor has another one now, or was
   * refused. NULL, or false: it is cut off. */
  bool (*due)(struct visitor *visitor);
  /* The loan is over, by whoever ended it: `loan` is to be freed. */
  void (*over)(void *loan);
};

/* What those of one address to listen on have in common. */
struct visitors {
  struct poller *poller; /* set by the caller, as are those below */
  unsigned char *input;  /* TRANSPORT_BLOCK_BYTES: nobody else's meanwhile */
  struct stats *stats;
  struct quiet *quiet;
  void (*read)(struct visitor *visitor); /* in state TLS or HEAD: go on */
  struct pending pending;
  struct list fresh; /* visitor->node: to be looked at with the turn's end */
  bool ended;
};

struct visitor {
  struct pending_socket socket;
  struct list node; /* in visitors->fresh */
  struct visitors *visitors;
  struct transport transport;
  enum visitor_state state;
  bool head;      /* a HEAD request: its answer has no body */
  bool last;      /* no request is read after this one */
  uint8_t asked;  /* requests so far */
  bool ahead;     /* `in` has bytes of the next request, not looked at yet */
  bool crowd;     /* its address is that of many: a proxy, or has no limit */
  uint32_t limit; /* sockets that its address may have; 0: any number */
  struct buf in;  /* of the head, when it did not come at once */
  struct buf out; /* a refusal, which is to be written from `written` on */
  size_t written;
  size_t moved;  /* bytes since its deadline was set, or dropped at the end */
  bool prefaced; /* its proxy has to say first who it is, see edge/believed */
  SSL_CTX *tls_context;                  /* of the TLS behind that; or NULL */
  char announced[PREFACE_ADDRESS_BYTES]; /* whom it has named; "": nobody */
  const struct answerer *answerer;       /* NULL: not lent */
  void *loan;                            /* the answerer's own */
};

/* `request_ms`: for TLS and the head; `answer_ms`: in which the peer must have
 * taken some of its answer; `max`: sockets in all. */
void visitors_open(struct visitors *visitors, uv_loop_t *loop,
                   uint64_t request_ms, uint64_t answer_ms, uint32_t max);

/* Looks at those that have come in this turn of the loop: most requests are
 * there already; and at those that have sent more than one request. Whoever
 * comes to these meanwhile is looked at in the next turn. Not while others are
 * accepted: a client that asks again and again would be answered then before
 * the end of what it asked before is noticed. */
void visitors_look(struct visitors *visitors);

/* Ends all of them; the timer's close callback comes later on the loop. */
void visitors_close(struct visitors *visitors);

/* A line about strangers: each kind is written once in a while (edge/quiet). */
void visitors_say(struct visitors *visitors, const char *ip, unsigned status,
                  const char *text);

/* One more, which begins in VISITOR_HEAD. The descriptor is its own. */
struct visitor *visitor_new_take(struct visitors *visitors, int fd,
                                 const char *address);

/* The only function that changes the state. */
void visitor_set_state(struct visitor *visitor, enum visitor_state state);

/* Waits for `events` on the peer's socket. False: the kernel has no memory for
 * that, and the visitor is gone. */
bool visitor_want(struct visitor *visitor, uint32_t events);

/* An answerer has it from now on. */
void visitor_lend(struct visitor *visitor, const struct answerer *answerer,
                  void *loan);

/* For the answerer: so many bytes have moved to the peer, which may have more
 * time. */
void visitor_moved(struct visitor *visitor, size_t bytes);

/* For the answerer: all of the answer has left. Ends the loan. The next request
 * is waited for, or the end. `ahead` is what has come of that request already;
 * its bytes are the visitor's from now on. */
void visitor_done_take(struct visitor *visitor, struct buf ahead);

/* Answers it, and ends a loan. The words are copied. The line goes to the log,
 * too, as often as edge/quiet lets it. */
void visitor_refuse(struct visitor *visitor, const struct refusal *refusal);

/* Refuses it without a line in the log. */
void visitor_answer(struct visitor *visitor, const struct refusal *refusal);

/* Ends it without an answer. */
void visitor_hang_up(struct visitor *visitor);

/* The socket is the caller's, in no set and without a deadline. The visitor
 * stays, and with it the request, until visitor_free. */
struct transport visitor_take(struct visitor *visitor);

/* Frees it, ends a loan, and closes the socket unless that was taken. */
void visitor_free(struct visitor *visitor);

#endif
