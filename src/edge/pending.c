/* SPDX-License-Identifier: MIT
 * Sockets before the handshake is over. */
#include "edge/pending.h"

#include "base/log.h"
#include "base/mem.h"
#include "edge/head.h"
#include "edge/tcp.h"
#include "net/network.h"

#include "base/hash.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KIND_BYTES = 96 };

/* An address, or a network that is counted together. */
struct pending_address {
  UT_hash_handle hh;
  uint32_t count;
  char text[];
};

struct pending_socket {
  struct list node;  /* in pending->waiting */
  struct list fresh; /* in pending->fresh */
  struct pending *pending;
  struct pending_address *address;
  char ip[NETWORK_BYTES];   /* the whole of its address */
  struct poller_item watch; /* for the head of its first request; its
                             * descriptor as long as it is ours, else -1 */
  struct lws *wsi;          /* from then on */
  uint64_t due_ms;
};

static void say(struct pending *pending, const char *what,
                const char *address) {
  char kind[KIND_BYTES], network[NETWORK_BYTES];
  unsigned kept;
  network_of(address, network);
  snprintf(kind, sizeof kind, "%s %s", what, network);
  if (quiet_may_say(pending->quiet, kind, uv_now(pending->timer.loop), &kept))
    log_info("ip=%s unsaid=%u %s", address, kept, what);
}

static struct pending_address *find(const struct pending *pending,
                                    const char *text) {
  struct pending_address *address;
  char network[NETWORK_BYTES];
  network_of(text, network);
  HASH_FIND(hh, pending->addresses, network, strlen(network), address);
  return address;
}

bool pending_may_add(struct pending *pending, const char *text) {
  const struct pending_address *address = find(pending, text);
  if (!pending->per_address || !address ||
      address->count < pending->per_address)
    return true;
  pending->stats->sockets_refused++;
  say(pending, "too many sockets that are no WebSocket", text);
  return false;
}

static struct pending_address *address_ref(struct pending *pending,
                                           const char *text) {
  struct pending_address *address = find(pending, text);
  if (!address) {
    char network[NETWORK_BYTES];
    network_of(text, network);
    size_t len = strlen(network);
    address = mem_alloc(sizeof *address + len + 1);
    memcpy(address->text, network, len);
    HASH_ADD_KEYPTR(hh, pending->addresses, address->text, len, address);
  }
  address->count++;
  return address;
}

static void address_unref(struct pending *pending,
                          struct pending_address *address) {
  if (--address->count == 0) {
    HASH_DEL(pending->addresses, address);
    mem_free(address);
  }
}

void pending_free(struct pending_socket *socket) {
  list_remove(&socket->node);
  list_remove(&socket->fresh);
  address_unref(socket->pending, socket->address);
  mem_free(socket);
}

/* --- its first request -------------------------------------------------- */

static void drop(struct pending_socket *socket) {
  poller_remove(socket->pending->poller, &socket->watch);
  tcp_forget_unread(socket->watch.fd);
  close(socket->watch.fd);
  pending_free(socket);
}

/* Hands it on as soon as the head is there; whether that is to be waited for.
 * What comes after it stays in the kernel. */
static bool look(struct pending_socket *socket, bool ended) {
  struct pending *pending = socket->pending;
  char head[HEAD_BYTES_MAX];
  int fd = socket->watch.fd;
  ssize_t n = recv(fd, head, sizeof head, MSG_PEEK);
  size_t len = n > 0 ? head_length(head, (size_t)n) : 0;
  if (len > 0)
    n = recv(fd, head, len, 0);
  if ((len == 0 && ended) || n == 0 || (n < 0 && errno != EAGAIN)) {
    drop(socket);
    return false;
  }
  if (len == 0)
    return true;
  poller_remove(pending->poller, &socket->watch);
  socket->watch.fd = -1;
  pending->request(pending->arg, socket, fd, head, (size_t)n);
  return false;
}

static void on_ready(struct poller_item *item, uint32_t events) {
  (void)look(container_of(item, struct pending_socket, watch),
             events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
}

void pending_wait(struct pending_socket *socket, int fd) {
  socket->watch.fd = fd;
  list_push(&socket->pending->fresh, &socket->fresh);
}

/* By edges: what was looked at stays where it is, and would be told again. */
void pending_look(struct pending *pending) {
  struct list *node;
  while ((node = list_shift(&pending->fresh))) {
    struct pending_socket *socket =
        container_of(node, struct pending_socket, fresh);
    if (look(socket, false) &&
        poller_add(pending->poller, &socket->watch,
                   EPOLLIN | EPOLLRDHUP | EPOLLET, on_ready))
      drop(socket);
  }
}

/* --- deadlines ---------------------------------------------------------- */

static void on_due(uv_timer_t *timer);

/* All have the same time, so the first in the list is the first that is due.
 * That one may have gone when the timer fires: then it is armed again. */
static void arm(struct pending *pending) {
  if (list_empty(&pending->waiting) ||
      uv_is_closing((uv_handle_t *)&pending->timer))
    return;
  const struct pending_socket *first =
      container_of(pending->waiting.next, struct pending_socket, node);
  uint64_t now = uv_now(pending->timer.loop);
  uv_timer_start(&pending->timer, on_due,
                 first->due_ms > now ? first->due_ms - now : 0, 0);
}

static void on_due(uv_timer_t *timer) {
  struct pending *pending = container_of(timer, struct pending, timer);
  struct lws_context *context = NULL;
  while (!list_empty(&pending->waiting)) {
    struct pending_socket *socket =
        container_of(pending->waiting.next, struct pending_socket, node);
    if (socket->due_ms > uv_now(timer->loop))
      break;
    list_remove(&socket->node);
    pending->stats->handshake_timeouts++;
    say(pending, "no request in time", socket->ip);
    if (!socket->wsi) {
      drop(socket);
      continue;
    }
    lws_set_timeout(socket->wsi, PENDING_TIMEOUT_USER_REASON_BASE,
                    LWS_TO_KILL_ASYNC);
    context = lws_get_context(socket->wsi);
  }
  if (context)
    lws_cancel_service(context); /* or its timers wait for some event */
  arm(pending);
}

void pending_init(struct pending *pending, uv_loop_t *loop) {
  list_init(&pending->waiting);
  list_init(&pending->fresh);
  uv_timer_init(loop, &pending->timer);
}

struct pending_socket *pending_add(struct pending *pending,
                                   const char *address) {
  struct pending_socket *socket = mem_alloc(sizeof *socket);
  bool first = list_empty(&pending->waiting);
  socket->pending = pending;
  socket->watch.fd = -1;
  socket->address = address_ref(pending, address);
  strncpy(socket->ip, address, sizeof socket->ip - 1);
  socket->due_ms = uv_now(pending->timer.loop) + pending->timeout_ms;
  list_init(&socket->node);
  list_init(&socket->fresh);
  list_push(&pending->waiting, &socket->node);
  if (first)
    arm(pending);
  return socket;
}

void pending_bind(struct pending_socket *socket, struct lws *wsi) {
  socket->wsi = wsi;
  lws_set_opaque_user_data(wsi, socket);
}

void pending_request(struct lws *wsi) {
  struct pending_socket *socket = lws_get_opaque_user_data(wsi);
  if (socket)
    list_remove(&socket->node);
}

void pending_end(struct lws *wsi) {
  struct pending_socket *socket = lws_get_opaque_user_data(wsi);
  if (!socket)
    return;
  lws_set_opaque_user_data(wsi, NULL);
  pending_free(socket);
}

void pending_close(struct pending *pending) {
  LIST_FOREACH_SAFE (it, &pending->waiting) {
    struct pending_socket *socket =
        container_of(it, struct pending_socket, node);
    if (socket->watch.fd >= 0)
      drop(socket);
  }
  uv_close((uv_handle_t *)&pending->timer, NULL);
}
