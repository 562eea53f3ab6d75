/* SPDX-License-Identifier: MIT
 * Visitors. */
#include "edge/door.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "edge/inbound.h"
#include "edge/link.h"
#include "edge/relay.h"
#include "edge/tcp.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  KIND_BYTES = 128,
  NEXT_MS = 15000,         /* in which one more request comes */
  END_MS = 2000,           /* in which the peer hangs up */
  END_BYTES_MAX = 1 << 20, /* that are dropped meanwhile */
  MOVED_BYTES_MIN = 4096,  /* of an answer, for another moment of time */
};

/* A line about strangers: each kind once in a while. */
static void say(struct door *door, const char *ip, unsigned status,
                const char *text) {
  char kind[KIND_BYTES];
  unsigned kept;
  snprintf(kind, sizeof kind, "%u %s", status, text);
  if (!quiet_may_say(door->quiet, kind, uv_now(door->pending.timer.loop),
                     &kept))
    return;
  log_info("request refused status=%u ip=%s unsaid=%u %.*s", status, ip, kept,
           (int)strcspn(text, "\n"), text);
}

/* --- the end ------------------------------------------------------------ */

void visitor_take(struct visitor *visitor, int *fd, SSL **tls) {
  poller_remove(visitor->door->poller, &visitor->watch);
  *fd = visitor->watch.fd;
  *tls = visitor->tls;
  visitor->watch.fd = -1;
  visitor->tls = NULL;
}

void visitor_free(struct visitor *visitor) {
  relay_close(visitor);
  poller_remove(visitor->door->poller, &visitor->watch);
  list_remove(&visitor->node);
  pending_remove(&visitor->socket);
  SSL_free(visitor->tls);
  if (visitor->watch.fd >= 0) {
    tcp_forget_unread(visitor->watch.fd);
    close(visitor->watch.fd);
  }
  buf_free(&visitor->in);
  buf_free(&visitor->out);
  mem_free(visitor);
}

static void on_ready(struct poller_item *item, uint32_t events);

bool visitor_want(struct visitor *visitor, uint32_t events) {
  struct poller *poller = visitor->door->poller;
  if (visitor->watch.ready) {
    poller_change(poller, &visitor->watch, events);
  } else if (poller_add(poller, &visitor->watch, events, on_ready)) {
    visitor_free(visitor);
    return false;
  }
  return true;
}

/* What the peer still sends is nobody's. */
static void drop_input(struct visitor *visitor) {
  ssize_t n;
  while ((n = recv(visitor->watch.fd, visitor->door->input, INBOUND_BYTES, 0)) >
         0) {
    visitor->moved += (size_t)n;
    if (visitor->moved > END_BYTES_MAX)
      break;
  }
  if (n < 0 && errno == EAGAIN)
    visitor_want(visitor, EPOLLIN);
  else
    visitor_free(visitor);
}

static void hang_up(struct visitor *visitor) {
  visitor->state = VISITOR_END;
  visitor->moved = 0;
  buf_free(&visitor->in);
  buf_free(&visitor->out);
  if (visitor->tls) {
    ERR_clear_error();
    SSL_shutdown(visitor->tls); /* says so; its answer is not waited for */
    SSL_free(visitor->tls);
    visitor->tls = NULL;
  }
  shutdown(visitor->watch.fd, SHUT_WR);
  pending_wait(&visitor->socket, PENDING_END);
  drop_input(visitor);
}

/* --- refusals ----------------------------------------------------------- */

void visitor_moved(struct visitor *visitor, size_t bytes) {
  visitor->moved += bytes;
  if (visitor->moved < MOVED_BYTES_MIN)
    return;
  visitor->moved = 0;
  pending_wait(&visitor->socket, PENDING_ANSWER);
}

static void write_answer(struct visitor *visitor) {
  size_t left = visitor->out.len - visitor->written;
  ssize_t n = link_write(visitor->watch.fd, visitor->tls,
                         visitor->out.data + visitor->written, left);
  if (n < 0) {
    visitor_free(visitor);
    return;
  }
  visitor->written += (size_t)n;
  if ((size_t)n == left && !link_is_full(visitor->tls))
    hang_up(visitor);
  else
    visitor_want(visitor, EPOLLOUT);
}

void visitor_answer(struct visitor *visitor, const struct refusal *refusal) {
  struct buf text = {0}; /* the words may stand in what is freed here */
  refusal_write(&text, refusal, visitor->head);
  buf_free(&visitor->in);
  buf_free(&visitor->out);
  visitor->out = text;
  visitor->written = 0;
  visitor->state = VISITOR_ANSWER;
  visitor->door->stats->requests_refused++;
  pending_wait(&visitor->socket, PENDING_ANSWER);
  write_answer(visitor);
}

void visitor_refuse(struct visitor *visitor, const struct refusal *refusal) {
  say(visitor->door, visitor->socket.ip, refusal->status, refusal->text);
  visitor_answer(visitor, refusal);
}

void door_turn_away(struct door *door, int fd, bool tls, const char *address,
                    const struct refusal *refusal) {
  /* Of TLS 1.2: a fatal alert, "internal error". */
  static const char alert[] = {0x15, 3, 3, 0, 2, 2, 80};
  struct buf text = {0};
  say(door, address, refusal->status, refusal->text);
  if (tls)
    buf_put(&text, alert, sizeof alert);
  else
    refusal_write(&text, refusal, false);
  if (send(fd, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
    shutdown(fd, SHUT_WR);
    tcp_forget_unread(fd);
  }
  close(fd);
  buf_free(&text);
}

/* --- the request -------------------------------------------------------- */

/* Whether the connection ends with the answer. */
static bool is_last(const struct visitor *visitor,
                    const struct request *request, struct slice rest) {
  return request->minor == 0 || request->length > 0 || request->chunked ||
         rest.len > 0 || visitor->asked == DOOR_REQUESTS_MAX ||
         request_has_word(request, "connection", "close");
}

/* Who has asked us for a page and then wants a tunnel takes this connection
 * for one of a proxy, and would hand on whatever we say as the tunnel's. */
static void end_tunnel(struct visitor *visitor) {
  say(visitor->door, visitor->socket.ip, 405,
      "CONNECT behind another request: hung up on\n");
  visitor->door->stats->requests_refused++;
  hang_up(visitor);
}

/* Its head is the first `head` bytes. */
static void take_request(struct visitor *visitor, const char *data, size_t len,
                         size_t head) {
  struct door *door = visitor->door;
  struct request request;
  struct request_fault fault;
  if (request_read(&request, data, head, &fault)) {
    struct slice rest = {data + head, len - head};
    visitor->asked++;
    visitor->head = slice_equals(request.method, "HEAD");
    visitor->last = is_last(visitor, &request, rest);
    if (visitor->asked > 1 && slice_equals(request.method, "CONNECT")) {
      end_tunnel(visitor);
      return;
    }
    pending_wait(&visitor->socket, PENDING_ANSWER);
    door->request(door->arg, visitor, &request, rest);
    return;
  }
  struct refusal refusal = {.status = fault.status, .text = fault.text};
  visitor_refuse(visitor, &refusal);
}

/* What came is taken from where it was read to when it is the whole head, as it
 * mostly is, and kept when it is not. */
static void read_head(struct visitor *visitor) {
  struct door *door = visitor->door;
  struct buf *in = &visitor->in;
  for (;;) {
    size_t seen = in->len;
    char *out = seen > 0 ? buf_reserve(in, INBOUND_BYTES) : (char *)door->input;
    ssize_t n = link_read(visitor->watch.fd, visitor->tls, out, INBOUND_BYTES);
    if (n < 0) {
      visitor_free(visitor);
      return;
    }
    if (n == 0)
      break;
    size_t len = seen + (size_t)n;
    const char *data = seen > 0 ? in->data : out;
    size_t head = request_length(data, len, seen);
    if (head > 0) {
      take_request(visitor, data, len, head);
      return;
    }
    if (seen == 0)
      buf_put(in, out, (size_t)n);
    else
      in->len = len;
  }
  visitor_want(visitor, EPOLLIN);
}

void visitor_done(struct visitor *visitor) {
  if (visitor->last) {
    hang_up(visitor);
    return;
  }
  visitor->state = VISITOR_HEAD;
  visitor->answered = false;
  buf_free(&visitor->in);
  buf_free(&visitor->out);
  pending_wait(&visitor->socket, PENDING_NEXT);
  /* Not at once: who asks without an end would be answered here. */
  visitor_want(visitor, EPOLLIN);
}

/* --- TLS ---------------------------------------------------------------- */

/* Who speaks no TLS here is told so in its own words. */
static void fail_handshake(struct visitor *visitor) {
  static const struct refusal refusal = {
      .status = 400, .text = "this port speaks TLS: take https:// or wss://\n"};
  bool http = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
  ERR_clear_error();
  if (!http) {
    visitor_free(visitor);
    return;
  }
  SSL_free(visitor->tls);
  visitor->tls = NULL;
  visitor_refuse(visitor, &refusal);
}

static void shake_hands(struct visitor *visitor) {
  if (link_write(visitor->watch.fd, visitor->tls, NULL, 0) < 0) {
    visitor_free(visitor);
    return;
  }
  ERR_clear_error();
  int result = SSL_accept(visitor->tls);
  if (result == 1) {
    visitor->state = VISITOR_HEAD;
    read_head(visitor);
    return;
  }
  uint32_t events = EPOLLIN | (link_is_full(visitor->tls) ? EPOLLOUT : 0U);
  if (SSL_get_error(visitor->tls, result) == SSL_ERROR_WANT_READ)
    visitor_want(visitor, events);
  else
    fail_handshake(visitor);
}

/* --- events ------------------------------------------------------------- */

static void step(struct visitor *visitor, uint32_t events) {
  switch (visitor->state) {
  case VISITOR_TLS:
    shake_hands(visitor);
    break;
  case VISITOR_HEAD:
    read_head(visitor);
    break;
  case VISITOR_RELAY:
    relay_outer(visitor, events);
    break;
  case VISITOR_ANSWER:
    write_answer(visitor);
    break;
  case VISITOR_END:
    drop_input(visitor);
    break;
  }
}

static void on_ready(struct poller_item *item, uint32_t events) {
  step(container_of(item, struct visitor, watch), events);
}

void door_look(struct door *door) {
  struct list *node;
  while ((node = list_shift(&door->fresh)))
    step(container_of(node, struct visitor, node), 0);
}

static void on_due(struct pending_socket *socket) {
  static const struct refusal late = {.status = 408,
                                      .text = "no request in time\n"};
  struct visitor *visitor = container_of(socket, struct visitor, socket);
  struct door *door = visitor->door;
  if (door->ended || visitor->state == VISITOR_END ||
      visitor->state == VISITOR_ANSWER) {
    visitor_free(visitor);
    return;
  }
  if (visitor->state == VISITOR_HEAD && visitor->asked > 0) {
    visitor_free(visitor);
    return;
  }
  if (visitor->state == VISITOR_RELAY) {
    say(door, socket->ip, 408, "the answer was not taken in time\n");
    visitor_free(visitor);
    return;
  }
  door->stats->handshake_timeouts++;
  if (visitor->state == VISITOR_HEAD && visitor->in.len > 0) {
    visitor_refuse(visitor, &late);
    return;
  }
  say(door, socket->ip, late.status, late.text);
  visitor_free(visitor);
}

/* --- life --------------------------------------------------------------- */

void door_open(struct door *door, uv_loop_t *loop, uint64_t request_ms,
               uint64_t answer_ms, uint32_t max) {
  list_init(&door->fresh);
  list_init(&door->queue);
  door->pending = (struct pending){
      .limit_ms = {[PENDING_REQUEST] = request_ms,
                   [PENDING_NEXT] = NEXT_MS,
                   [PENDING_ANSWER] = answer_ms,
                   [PENDING_END] = END_MS},
      .max = max,
      .due = on_due,
  };
  pending_init(&door->pending, loop);
}

static void begin_tls(struct visitor *visitor, SSL_CTX *tls) {
  visitor->tls = SSL_new(tls);
  if (visitor->tls && !link_attach(visitor->tls, visitor->watch.fd)) {
    visitor->state = VISITOR_TLS;
    return;
  }
  log_warn("a TLS handshake could not begin: out of memory?");
  visitor_free(visitor);
}

void door_welcome_take(struct door *door, int fd, SSL_CTX *tls,
                       const char *address, uint32_t limit) {
  static const struct refusal many = {
      .status = 429,
      .text = "too many sockets of this address that are no WebSocket\n",
      .retry_s = 1};
  if (!pending_has_room(&door->pending, address, limit)) {
    door->stats->sockets_refused++;
    door_turn_away(door, fd, tls != NULL, address, &many);
    return;
  }
  struct visitor *visitor = mem_alloc(sizeof *visitor);
  visitor->door = door;
  visitor->state = VISITOR_HEAD;
  visitor->watch.fd = fd;
  visitor->inner.fd = -1;
  list_init(&visitor->node);
  list_push(&door->fresh, &visitor->node);
  pending_add(&door->pending, &visitor->socket, address);
  if (tls)
    begin_tls(visitor, tls);
}

void door_close(struct door *door) {
  door->ended = true;
  pending_close(&door->pending);
}
