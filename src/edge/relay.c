/* SPDX-License-Identifier: MIT
 * A pump between the library and a client. */
#include "edge/relay.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  TARGET_BYTES_MAX = 4096, /* path and query */
  VALUE_BYTES_MAX = 1024,  /* of a header; a longer one is left out */
  BLOCK_BYTES = TRANSPORT_BLOCK_BYTES - 64, /* and one more header fits */
  SPARE = 16,                               /* relays above relays->max */
  ADDRESS_PART = 8, /* of relays->max may be an address's: an eighth, */
  CROWD_PART = 2,   /* or half of them, if it stands for many clients */
};

/* One request. It is the loan of its visitor, and freed when that is over. */
struct relay {
  struct relays *relays;
  struct visitor *visitor;
  struct list node;         /* in relays->queue */
  struct poller_item inner; /* our end of the pair; -1: none yet */
  struct buf bytes;         /* the request for the library, before it begins;
                             * then what the peer has not taken yet */
  size_t written;           /* of that */
  bool answered;            /* something has come from the library */
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

static void put_field(struct buf *out, const char *name,
                      const struct slice *value) {
  if (!value || value->len > VALUE_BYTES_MAX)
    return;
  buf_puts(out, name);
  buf_puts(out, ": ");
  put_slice(out, *value);
  buf_puts(out, "\r\n");
}

static void write_request(struct buf *out, const struct request *request) {
  buf_puts(out, slice_equals(request->method, "HEAD") ? "HEAD " : "GET ");
  put_slice(out, request->path);
  if (request->query.len > 0)
    buf_putc(out, '?');
  put_slice(out, request->query);
  buf_puts(out, " HTTP/1.1\r\nConnection: close\r\n");
  put_field(out, "Host", &request->host);
  for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
    put_field(out, forwarded[i], request_field(request, forwarded[i]));
  buf_puts(out, "\r\n");
}

/* --- the pump -----------------------------------------------------------
 *
 * Bytes go from the pair to the peer, and never the other way: the request is
 * written once, when the relay begins. The pump is in one of two positions. In
 * the first `inner` is in the poller, and each block that comes is written to
 * the peer at once. When the peer does not take all of a block, what is left
 * goes to relay->bytes, `inner` leaves the poller, and the peer's socket is
 * waited for instead: the second position. When the rest has left, the pump
 * goes back to the first. The library notices nothing but a full pair, and
 * waits until it is read again.
 *
 * The peer's socket stays in the poller in both positions, in the first one
 * without any wish: the kernel tells of errors and of a reset all the same. */

static void on_inner(struct poller_item *item, uint32_t events);

/* The library has hung up. */
static void on_library_over(struct relay *relay) {
  static const struct refusal silent = {
      .status = 500, .text = "the server has no answer to that\n"};
  if (relay->answered)
    visitor_done_take(relay->visitor, (struct buf){0});
  else
    visitor_refuse(relay->visitor, &silent);
}

/* Reads on from the library. */
static void read_library(struct relay *relay) {
  struct visitor *visitor = relay->visitor;
  if (visitor_want(visitor, 0) &&
      poller_add(relay->relays->poller, &relay->inner, EPOLLIN, on_inner))
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
static ssize_t begin_answer(struct relay *relay, unsigned char *data,
                            ssize_t len) {
  static const char version[] = "HTTP/1.1";
  struct visitor *visitor = relay->visitor;
  unsigned char *newline = memchr(data, '\n', (size_t)len);
  relay->answered = true;
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

/* Writes a block that the library has said; what is left of it waits. */
static void pass_on(struct relay *relay, const unsigned char *block,
                    ssize_t len) {
  struct visitor *visitor = relay->visitor;
  ssize_t done = transport_write(&visitor->transport, block, (size_t)len);
  if (done < 0) {
    visitor_free(visitor);
    return;
  }
  visitor_moved(visitor, (size_t)done);
  if (done == len && !transport_is_full(&visitor->transport))
    return;
  buf_put(&relay->bytes, block + done, (size_t)(len - done));
  relay->written = 0;
  poller_remove(relay->relays->poller, &relay->inner);
  visitor_want(visitor, EPOLLOUT);
}

static void on_inner(struct poller_item *item, uint32_t events) {
  struct relay *relay = container_of(item, struct relay, inner);
  unsigned char *block = relay->relays->input;
  (void)events;
  ssize_t n = recv(item->fd, block, BLOCK_BYTES, 0);
  if (n < 0 && errno == EAGAIN)
    return;
  if (n <= 0) {
    on_library_over(relay);
    return;
  }
  if (!relay->answered)
    n = begin_answer(relay, block, n);
  pass_on(relay, block, n);
}

static void on_peer_ready(struct visitor *visitor, uint32_t events) {
  struct relay *relay = visitor->loan;
  size_t left = relay->bytes.len - relay->written;
  ssize_t n = -1;
  if (events & EPOLLOUT)
    n = transport_write(&visitor->transport, relay->bytes.data + relay->written,
                        left);
  if (n < 0) { /* else it was told for an error only */
    visitor_free(visitor);
    return;
  }
  relay->written += (size_t)n;
  visitor_moved(visitor, (size_t)n);
  if ((size_t)n < left || transport_is_full(&visitor->transport))
    return;
  buf_reset(&relay->bytes, TRANSPORT_BLOCK_BYTES);
  relay->written = 0;
  read_library(relay);
}

/* --- life --------------------------------------------------------------- */

static void fail_relay(struct relay *relay) {
  static const struct refusal busy = {
      .status = 503, .text = "no descriptor is left\n", .retry_s = 1};
  visitor_refuse(relay->visitor, &busy);
}

static void start_relay(struct relay *relay) {
  struct relays *relays = relay->relays;
  const struct buf *head = &relay->bytes;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                 pair)) {
    fail_relay(relay);
    return;
  }
  relay->inner.fd = pair[0];
  relays->count++;
  pending_answer_begins(&relay->visitor->socket);
  if (send(pair[0], head->data, head->len, MSG_NOSIGNAL) !=
      (ssize_t)head->len) {
    close(pair[1]);
    fail_relay(relay);
  } else if (!lws_adopt_socket_vhost(relays->library->vhost, pair[1])) {
    fail_relay(relay); /* the library has closed its end */
  } else {
    buf_free(&relay->bytes);
    read_library(relay);
  }
}

/* Somebody who asks for large files and takes them slowly holds a place for
 * each. So an address has a part of them, however many sockets it may have. */
static bool has_share(const struct relay *relay) {
  const struct visitor *visitor = relay->visitor;
  uint32_t part = visitor->crowd ? CROWD_PART : ADDRESS_PART;
  return pending_answers(&visitor->socket) < relay->relays->max / part;
}

/* The first that may; those of an address which has its share are passed by. */
static struct relay *next_in_line(struct relays *relays) {
  LIST_FOREACH_SAFE (it, &relays->queue) {
    struct relay *relay = container_of(it, struct relay, node);
    if (has_share(relay))
      return relay;
  }
  return NULL;
}

static void start_next(struct relays *relays) {
  struct relay *relay;
  while (!relays->ended && relays->count < relays->max &&
         (relay = next_in_line(relays))) {
    list_remove(&relay->node);
    start_relay(relay);
  }
}

/* Takes the request from the library; the next one gets its place. */
static void on_loan_over(void *loan) {
  struct relay *relay = loan;
  struct relays *relays = relay->relays;
  bool had_place = relay->inner.fd >= 0;
  if (had_place) {
    poller_remove(relays->poller, &relay->inner);
    close(relay->inner.fd);
    relays->count--;
    pending_answer_ends(&relay->visitor->socket);
  }
  list_remove(&relay->node);
  buf_free(&relay->bytes);
  mem_free(relay);
  if (had_place)
    start_next(relays);
}

/* A load balancer that hears nothing takes the server out: its question does
 * not wait behind those who take large files slowly. What it is told is short,
 * and leaves at once. */
static bool may_start(const struct relay *relay, bool brief) {
  const struct relays *relays = relay->relays;
  if (brief)
    return relays->count < relays->max + SPARE;
  return relays->count < relays->max && has_share(relay);
}

void relay_request(struct relays *relays, struct visitor *visitor,
                   const struct request *request) {
  static const struct answerer answerer = {.ready = on_peer_ready,
                                           .over = on_loan_over};
  static const struct refusal too_long = {
      .status = 414, .text = "the target is longer than 4 KiB\n"};
  if (request->path.len + request->query.len > TARGET_BYTES_MAX) {
    visitor_refuse(visitor, &too_long);
    return;
  }
  bool brief = slice_equals(request->path, "/healthz");
  struct relay *relay = mem_alloc(sizeof *relay);
  relay->relays = relays;
  relay->visitor = visitor;
  relay->inner.fd = -1;
  list_init(&relay->node);
  write_request(&relay->bytes, request);
  visitor_lend(visitor, &answerer, relay); /* the request is gone */
  if (may_start(relay, brief)) {
    start_relay(relay);
    return;
  }
  list_push(&relays->queue, &relay->node);
  visitor_want(visitor, 0);
}

void relays_open(struct relays *relays) {
  list_init(&relays->queue);
}

void relays_close(struct relays *relays) {
  relays->ended = true;
}
