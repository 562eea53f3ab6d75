/* SPDX-License-Identifier: MIT
 * An HTTP/1.1 server for programs: bodies, keep-alive, pipelining.
 *
 * The door of the clients (edge/door) is for strangers, and takes no bodies.
 * Who comes here has a key, or is turned away; there are few of them, and each
 * sends much. What they send is read by the same strict readers (wire/request,
 * wire/body).
 *
 *   HTTP_HEAD ─► HTTP_BODY ─► HTTP_WAIT ─┐
 *       ▲            │            │      ├─► HTTP_END
 *       └────────────┴────────────┘──────┘
 *
 * HEAD: a request is waited for. BODY: its body comes. WAIT: all of it is here,
 * and the answer comes later. END: nothing more is read; what the peer still
 * sends is dropped for a moment, so that it can read the answer (as in
 * edge/visitor).
 *
 * Requests of a connection are answered one after the other, in their order. A
 * connection that takes no answers is not read. Everything has a deadline: a
 * head and a body have to come within `request_ms`; a streamed body, and an
 * answer, have to move on within that time.
 *
 * All on one loop. */
#ifndef API_HTTP_H
#define API_HTTP_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/list.h"
#include "net/tcp.h"
#include "net/transport.h"
#include "wire/body.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct http;

enum http_state { HTTP_HEAD, HTTP_BODY, HTTP_WAIT, HTTP_END };

struct http_conn {
  struct transport transport;
  struct list node;
  struct http *http;
  enum http_state state;
  struct buf in; /* what was read; the next byte is at `taken` */
  size_t taken;
  struct buf out; /* answers; the next byte is at `written` */
  size_t written;
  struct body body;
  uint64_t due_ms; /* of the loop's clock */
  size_t moved;    /* bytes since the deadline was set */
  char ip[TCP_ADDRESS_BYTES];
  int origin;     /* of http_welcome_take */
  bool last;      /* no request is read behind this one */
  bool bare;      /* the answer has no body: HEAD */
  bool old;       /* HTTP/1.0: no chunks */
  bool streams;   /* an answer in pieces has begun */
  bool live;      /* that answer goes on until the peer goes, see http_live */
  bool shut;      /* nothing is written any more */
  bool ended;     /* the peer sends nothing more */
  bool busy;      /* http_go_on is at work on it */
  bool paused;    /* by the service, in `piece`; it is looked at again soon */
  bool foreign;   /* its next request is not for the service */
  void *exchange; /* of the service, between `head` and the answer; or NULL */
};

/* What is done with requests. Each is called with the `arg` of struct http. */
struct http_service {
  /* Whether a request is for somebody else: then the whole connection is, when
   * all that came before has been answered. */
  bool (*is_foreign)(const struct http_conn *conn,
                     const struct request *request);
  /* That time has come: takes the connection with http_give_away. */
  void (*give_away)(void *arg, struct http_conn *conn);
  /* A head has come. Answers it, or calls http_expect. */
  void (*head)(void *arg, struct http_conn *conn,
               const struct request *request);
  /* The next piece of the body. */
  void (*piece)(void *arg, struct http_conn *conn, struct slice piece);
  /* Whether a connection that is paused has to stay so; not NULL if `piece`
   * pauses any. */
  bool (*must_wait)(void *arg);
  /* The body is complete. Answers now, or later. */
  void (*whole)(void *arg, struct http_conn *conn);
  /* Its answer, for which http_wait was called, has not come in time: answers,
   * or the connection is ended. */
  void (*late)(void *arg, struct http_conn *conn);
  /* The request, or its body, is wrong: answers with that status. */
  void (*wrong)(void *arg, struct http_conn *conn, unsigned status,
                const char *text);
  /* The connection is gone; conn->exchange is freed. */
  void (*gone)(void *arg, struct http_conn *conn);
};

struct http {
  const struct http_service *service; /* set by the caller, as are: */
  void *arg;
  struct poller *poller;
  uint64_t request_ms;
  uint32_t max;      /* connections */
  size_t output_max; /* bytes of answers that may wait; then it is not read */
  struct list conns;
  uint32_t count;
  uv_timer_t tick; /* looks after the deadlines, while there are connections */
};

void http_open(struct http *http, uv_loop_t *loop);

/* Takes an accepted, non-blocking socket. `origin` is the caller's own mark;
 * `read` are bytes that were read from it before. */
void http_welcome_take(struct http *http, int fd, const char *ip, int origin,
                       struct slice read);

/* For `head`: a body of up to `max` bytes is expected; `piece` and `whole` will
 * be called. The client is told to go on if it asks. */
void http_expect(struct http_conn *conn, const struct request *request,
                 size_t max);

/* For `give_away`: the socket is the caller's, with the bytes from `*rest` on,
 * which must be copied before that function returns. */
int http_give_away(struct http_conn *conn, struct slice *rest);

/* For `whole`: the answer comes later, within so many milliseconds. */
void http_wait(struct http_conn *conn, uint64_t ms);

/* The answer in pieces that has begun ends when the peer hangs up, which is
 * noticed, or takes nothing for `request_ms`. What it sends is dropped. */
void http_live(struct http_conn *conn);

/* Whether so much waits for the peer that no more should be told it. */
bool http_is_behind(const struct http_conn *conn);

/* Reads and writes what it can. The connection may be gone afterwards. */
void http_go_on(struct http_conn *conn);

/* Ends all of them; the close callback of the timer comes later. */
void http_close(struct http *http);

#endif
