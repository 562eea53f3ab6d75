/* SPDX-License-Identifier: MIT
 * TLS, and the heads of requests. */
#include "edge/door.h"

#include "base/log.h"
#include "edge/believed.h"
#include "net/tcp.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct door *door_of(const struct visitor *visitor) {
  return container_of(visitor->visitors, struct door, visitors);
}

/* --- the head ----------------------------------------------------------- */

bool door_is_last(const struct visitor *visitor,
                  const struct request *request) {
  return request->minor == 0 || visitor->asked == DOOR_REQUESTS_MAX ||
         request_has_word(request, "connection", "close") ||
         pending_is_crowded(&visitor->socket, visitor->limit);
}

/* Who has asked us for a page and then wants a tunnel takes this connection
 * for one of a proxy, and would hand on whatever we say as the tunnel's. */
static void end_tunnel(struct visitor *visitor) {
  visitors_say(visitor->visitors, visitor->socket.ip, 405,
               "CONNECT behind another request: hung up on\n");
  visitor->visitors->stats->requests_refused++;
  visitor_hang_up(visitor);
}

/* Its head is the first `head` bytes. */
static void take_head(struct visitor *visitor, const char *data, size_t len,
                      size_t head) {
  struct door *door = door_of(visitor);
  struct request request;
  struct request_fault fault;
  if (!request_read(&request, data, head, &fault)) {
    struct refusal refusal = {.status = fault.status, .text = fault.text};
    visitor_refuse(visitor, &refusal);
    return;
  }
  struct slice rest = {data + head, len - head};
  visitor->asked++;
  visitor->head = slice_equals(request.method, "HEAD");
  visitor->last = door_is_last(visitor, &request) || request.length > 0 ||
                  request.chunked || rest.len > 0;
  if (visitor->asked > 1 && slice_equals(request.method, "CONNECT")) {
    end_tunnel(visitor);
    return;
  }
  pending_wait(&visitor->socket, PENDING_ANSWER);
  door->request(door->arg, visitor, &request, rest);
}

/* A head that came with the request before it. */
static bool take_head_ahead(struct visitor *visitor) {
  struct buf *in = &visitor->in;
  size_t head = visitor->ahead ? request_length(in->data, in->len, 0) : 0;
  visitor->ahead = false;
  if (head > 0)
    take_head(visitor, in->data, in->len, head);
  return head > 0;
}

/* Mostly the whole head comes at once, and is taken from where it was read to.
 * What is not whole is kept in visitor->in. */
static void read_request_head(struct visitor *visitor) {
  struct buf *in = &visitor->in;
  if (take_head_ahead(visitor))
    return;
  for (;;) {
    size_t seen = in->len;
    char *out = seen > 0 ? buf_reserve(in, TRANSPORT_BLOCK_BYTES)
                         : (char *)visitor->visitors->input;
    ssize_t n = transport_read(&visitor->transport, out, TRANSPORT_BLOCK_BYTES);
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
      take_head(visitor, data, len, head);
      return;
    }
    if (seen == 0)
      buf_put(in, out, (size_t)n);
    else
      in->len = len;
  }
  visitor_want(visitor, EPOLLIN);
}

/* --- TLS ---------------------------------------------------------------- */

static void shake_hands(struct visitor *visitor) {
  static const struct refusal no_tls = {
      .status = 400, .text = "this port speaks TLS: take https:// or wss://\n"};
  switch (transport_shake(&visitor->transport)) {
  case SHAKE_DONE:
    visitor_set_state(visitor, VISITOR_HEAD);
    read_request_head(visitor);
    break;
  case SHAKE_WAITS:
    visitor_want(visitor,
                 EPOLLIN |
                     (transport_is_full(&visitor->transport) ? EPOLLOUT : 0U));
    break;
  case SHAKE_NO_TLS: /* is told so in its own words */
    visitor_refuse(visitor, &no_tls);
    break;
  case SHAKE_STRANGE:
    visitors_say(visitor->visitors, visitor->socket.ip, no_tls.status,
                 "what begins is no TLS: a proxy that sends the PROXY protocol "
                 "needs `proxy.header` and `proxy.trusted`\n");
    visitor_free(visitor);
    break;
  case SHAKE_FAILED:
    visitor_free(visitor);
    break;
  }
}

/* False if it is gone. */
static bool begin_tls(struct visitor *visitor, SSL_CTX *tls) {
  if (!transport_secure(&visitor->transport, tls)) {
    visitor_set_state(visitor, VISITOR_TLS);
    return true;
  }
  log_warn("a TLS handshake could not begin: out of memory?");
  visitor_free(visitor);
  return false;
}

/* --- the preface of a proxy --------------------------------------------- */

/* Over TLS there can be no words yet. */
static void refuse_preface(struct visitor *visitor, bool broken) {
  struct refusal refusal = {
      .status = 400,
      .text = broken ? "this is no PROXY protocol of version 1 or 2 for TCP\n"
                     : "`proxy.header` is proxy-protocol: a trusted proxy must "
                       "begin with that (send-proxy, proxy_protocol on)\n"};
  if (!visitor->tls_context) {
    visitor_refuse(visitor, &refusal);
    return;
  }
  visitors_say(visitor->visitors, visitor->socket.ip, refusal.status,
               refusal.text);
  visitor->visitors->stats->requests_refused++;
  visitor_free(visitor);
}

static void read_preface(struct visitor *visitor) {
  enum preface_result result;
  struct preface preface;
  int fd = visitor->transport.watch.fd;
  if (!believed_read(fd, &visitor->in, &result, &preface)) {
    visitor_free(visitor);
  } else if (result == PREFACE_MORE) {
    visitor_want(visitor, EPOLLIN);
  } else if (result != PREFACE_DONE) {
    refuse_preface(visitor, result == PREFACE_BAD);
  } else {
    buf_free(&visitor->in);
    visitor->prefaced = false;
    memcpy(visitor->announced, preface.address, sizeof preface.address);
    if (!visitor->tls_context)
      read_request_head(visitor);
    else if (begin_tls(visitor, visitor->tls_context))
      shake_hands(visitor);
  }
}

static void read_visitor(struct visitor *visitor) {
  if (visitor->prefaced)
    read_preface(visitor);
  else if (visitor->state == VISITOR_TLS)
    shake_hands(visitor);
  else
    read_request_head(visitor);
}

/* --- life --------------------------------------------------------------- */

void door_open(struct door *door, uv_loop_t *loop, uint64_t request_ms,
               uint64_t answer_ms, uint32_t max) {
  door->visitors.read = read_visitor;
  visitors_open(&door->visitors, loop, request_ms, answer_ms, max);
}

void door_turn_away(struct door *door, int fd, bool tls, const char *address,
                    const struct refusal *refusal) {
  /* Of TLS 1.2: a fatal alert, "internal error". */
  static const char alert[] = {0x15, 3, 3, 0, 2, 2, 80};
  struct buf text = {0};
  visitors_say(&door->visitors, address, refusal->status, refusal->text);
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

/* Makes a visitor of the socket; NULL: there are too many, and it was turned
 * away. */
static struct visitor *new_visitor_take(struct door *door, int fd, bool tls,
                                        const char *address, uint32_t limit) {
  static const struct refusal many = {
      .status = 429,
      .text = "too many sockets of this address that are no WebSocket\n",
      .retry_s = 1};
  struct visitors *visitors = &door->visitors;
  if (pending_has_room(&visitors->pending, address, limit))
    return visitor_new_take(visitors, fd, address);
  visitors->stats->sockets_refused++;
  door_turn_away(door, fd, tls, address, &many);
  return NULL;
}

void door_welcome_take(struct door *door, int fd, SSL_CTX *tls,
                       const char *address, uint32_t limit, bool proxy) {
  struct visitor *visitor =
      new_visitor_take(door, fd, tls != NULL, address, limit);
  if (!visitor)
    return;
  visitor->limit = limit;
  visitor->crowd = proxy || !limit;
  if (door->prefaced && door->prefaced(door->arg, address)) {
    visitor->prefaced = true;
    visitor->tls_context = tls;
  } else if (tls) {
    (void)begin_tls(visitor, tls);
  }
}

void door_resume_take(struct door *door, int fd, const char *address,
                      struct slice read) {
  struct visitor *visitor = new_visitor_take(door, fd, false, address, 0);
  if (!visitor)
    return;
  struct buf *in = &visitor->in;
  visitor->crowd = true;
  buf_put(in, read.at, read.len);
  size_t head = request_length(in->len > 0 ? in->data : "", in->len, 0);
  if (head == 0)
    return; /* it is looked at with the others that are new */
  list_remove(&visitor->node);
  take_head(visitor, in->data, in->len, head);
}
