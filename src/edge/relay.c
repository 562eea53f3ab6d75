/* SPDX-License-Identifier: MIT
 * A pump between the library and a client. */
#include "edge/relay.h"

#include "base/log.h"
#include "edge/inbound.h"
#include "edge/link.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  TARGET_BYTES_MAX = 4096,          /* path and query */
  VALUE_BYTES_MAX = 1024,           /* of a header; a longer one is left out */
  BLOCK_BYTES = INBOUND_BYTES - 64, /* and one more header fits */
  SPARE = 16,                       /* relays above door->relay_max */
};

/* What an answer can depend on. */
static const char *const forwarded[] = {
    "Accept-Encoding", "If-Match",       "If-Modified-Since",
    "If-None-Match",   "If-Range",       "Origin",
    "Range",           "Accept-Language"};

/* --- the request -------------------------------------------------------- */

static void put_slice(struct buf *out, struct slice slice) {
  buf_put(out, slice.at, slice.len);
}

static void put_header(struct buf *out, const char *name,
                       const struct slice *value) {
  if (!value || value->len > VALUE_BYTES_MAX)
    return;
  buf_puts(out, name);
  buf_puts(out, ": ");
  put_slice(out, *value);
  buf_puts(out, "\r\n");
}

static void write_head(struct buf *out, const struct request *request) {
  buf_puts(out, slice_equals(request->method, "HEAD") ? "HEAD " : "GET ");
  put_slice(out, request->path);
  if (request->query.len > 0)
    buf_putc(out, '?');
  put_slice(out, request->query);
  buf_puts(out, " HTTP/1.1\r\nConnection: close\r\n");
  put_header(out, "Host", &request->host);
  for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
    put_header(out, forwarded[i], request_field(request, forwarded[i]));
  buf_puts(out, "\r\n");
}

/* --- the pump ----------------------------------------------------------- */

static void on_inner(struct poller_item *item, uint32_t events);

/* The library has hung up. */
static void on_over(struct visitor *visitor) {
  static const struct refusal silent = {
      .status = 500, .text = "the server has no answer to that\n"};
  relay_close(visitor);
  if (visitor->answered)
    visitor_done(visitor);
  else
    visitor_refuse(visitor, &silent);
}

/* Reads on from the library. */
static void go_on(struct visitor *visitor) {
  struct poller *poller = visitor->door->poller;
  if (visitor_want(visitor, 0) &&
      poller_add(poller, &visitor->inner, EPOLLIN, on_inner))
    visitor_free(visitor);
}

/* Whether it says where it ends. Its first block has the whole of its head. */
static bool has_length(const unsigned char *data, size_t len) {
  static const char name[] = "\ncontent-length:";
  const size_t name_len = sizeof name - 1;
  for (size_t i = 0; i + name_len <= len; i++)
    if (!strncasecmp((const char *)data + i, name, name_len))
      return true;
  return false;
}

/* The library always closes, and says HTTP/1.0 when it refuses. What the peer
 * is told about that is ours: the version, and a header behind the first line.
 */
static ssize_t begin_answer(struct visitor *visitor, unsigned char *data,
                            ssize_t len) {
  static const char version[] = "HTTP/1.1";
  unsigned char *newline = memchr(data, '\n', (size_t)len);
  visitor->answered = true;
  if (!newline || newline - data < (ssize_t)sizeof version ||
      !has_length(data, (size_t)len))
    visitor->last = true;
  if (!newline || newline - data < (ssize_t)sizeof version)
    return len;
  const char *text =
      visitor->last ? "Connection: close\r\n" : "Connection: keep-alive\r\n";
  size_t more = strlen(text);
  memcpy(data, version, sizeof version - 1);
  newline++;
  memmove(newline + more, newline, (size_t)(data + len - newline));
  memcpy(newline, text, more);
  return len + (ssize_t)more;
}

static void on_inner(struct poller_item *item, uint32_t events) {
  struct visitor *visitor = container_of(item, struct visitor, inner);
  struct door *door = visitor->door;
  (void)events;
  ssize_t n = recv(item->fd, door->input, BLOCK_BYTES, 0);
  if (n < 0 && errno == EAGAIN)
    return;
  if (n <= 0) {
    on_over(visitor);
    return;
  }
  if (!visitor->answered)
    n = begin_answer(visitor, door->input, n);
  ssize_t done =
      link_write(visitor->watch.fd, visitor->tls, door->input, (size_t)n);
  if (done < 0) {
    visitor_free(visitor);
    return;
  }
  visitor_moved(visitor, (size_t)done);
  if (done == n && !link_is_full(visitor->tls))
    return;
  buf_put(&visitor->out, door->input + done, (size_t)(n - done));
  visitor->written = 0;
  poller_remove(door->poller, item);
  visitor_want(visitor, EPOLLOUT);
}

void relay_outer(struct visitor *visitor, uint32_t events) {
  size_t left = visitor->out.len - visitor->written;
  ssize_t n = -1;
  if (events & EPOLLOUT)
    n = link_write(visitor->watch.fd, visitor->tls,
                   visitor->out.data + visitor->written, left);
  if (n < 0) { /* else it was told for an error only */
    visitor_free(visitor);
    return;
  }
  visitor->written += (size_t)n;
  visitor_moved(visitor, (size_t)n);
  if ((size_t)n < left || link_is_full(visitor->tls))
    return;
  buf_reset(&visitor->out, INBOUND_BYTES);
  visitor->written = 0;
  go_on(visitor);
}

/* --- life --------------------------------------------------------------- */

static void fail_relay(struct visitor *visitor) {
  static const struct refusal busy = {
      .status = 503, .text = "no descriptor is left\n", .retry_s = 1};
  relay_close(visitor);
  visitor_refuse(visitor, &busy);
}

static void start_relay(struct visitor *visitor) {
  struct door *door = visitor->door;
  const struct buf *head = &visitor->in;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                 pair)) {
    fail_relay(visitor);
    return;
  }
  visitor->inner.fd = pair[0];
  door->relays++;
  if (send(pair[0], head->data, head->len, MSG_NOSIGNAL) !=
      (ssize_t)head->len) {
    close(pair[1]);
    fail_relay(visitor);
  } else if (!lws_adopt_socket_vhost(door->vhost, pair[1])) {
    fail_relay(visitor); /* it has closed its end */
  } else {
    buf_free(&visitor->in);
    go_on(visitor);
  }
}

/* A load balancer that hears nothing takes the server out: its question does
 * not wait behind those who take large files slowly. What it is told is short,
 * and leaves at once. */
static bool may_start(const struct door *door, const struct request *request) {
  bool brief = slice_equals(request->path, "/healthz");
  return door->relays < door->relay_max + (brief ? SPARE : 0);
}

void visitor_relay(struct visitor *visitor, const struct request *request) {
  static const struct refusal too_long = {
      .status = 414, .text = "the target is longer than 4 KiB\n"};
  struct door *door = visitor->door;
  struct buf head = {0}; /* the request may stand in visitor->in */
  if (request->path.len + request->query.len > TARGET_BYTES_MAX) {
    visitor_refuse(visitor, &too_long);
    return;
  }
  write_head(&head, request);
  bool at_once = may_start(door, request);
  buf_free(&visitor->in);
  visitor->in = head;
  visitor->state = VISITOR_RELAY;
  visitor->moved = 0;
  if (at_once) {
    start_relay(visitor);
    return;
  }
  list_push(&door->queue, &visitor->node);
  visitor_want(visitor, 0);
}

void relay_close(struct visitor *visitor) {
  struct door *door = visitor->door;
  if (visitor->inner.fd < 0)
    return;
  poller_remove(door->poller, &visitor->inner);
  close(visitor->inner.fd);
  visitor->inner.fd = -1;
  door->relays--;
  if (door->ended || list_empty(&door->queue) ||
      door->relays >= door->relay_max)
    return;
  start_relay(container_of(list_shift(&door->queue), struct visitor, node));
}
