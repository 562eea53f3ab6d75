/* SPDX-License-Identifier: MIT
 * Sockets of connections. */
#include "edge/sockets.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/timings.h"
#include "protocol/client.h"

/* The only place that changes the state; an impossible step is a bug. */
static void set_socket_state(struct socket *socket, enum socket_state state) {
  static const bool allowed[4][4] = {
      [SOCKET_READS] =
          {[SOCKET_PAUSED] = true, [SOCKET_LAST] = true, [SOCKET_ENDED] = true},
      [SOCKET_PAUSED] =
          {[SOCKET_READS] = true, [SOCKET_LAST] = true, [SOCKET_ENDED] = true},
      [SOCKET_LAST] = {[SOCKET_ENDED] = true},
  };
  if (!allowed[socket->state][state])
    log_fatal("a socket went from state %d to %d", (int)socket->state,
              (int)state);
  socket->state = state;
}

void socket_wait(struct conn *conn) {
  const struct socket *socket = socket_of(conn);
  bool reads = socket->state == SOCKET_READS && socket->rest.len == 0;
  if (socket->state == SOCKET_LAST && !conn->blocked && !conn->gated)
    socket_end(conn);
  else
    poller_change(sockets_of(conn)->poller, &conn->transport.watch,
                  (reads ? EPOLLIN : 0U) | (conn->blocked ? EPOLLOUT : 0U));
}

/* What has waited for a socket that was full has waited for so long at most. */
static void note_full_time(const struct conn *conn, bool full) {
  struct socket *socket = socket_of(conn);
  uint32_t now_ms = (uint32_t)uv_now(conn->owner->loop);
  if (full)
    socket->full_ms = now_ms;
  else
    timing_note(sockets_of(conn)->deliveries,
                (uint64_t)(now_ms - socket->full_ms) * 1000000, 1);
}

void socket_note_full(struct conn *conn, bool full) {
  if (conn->blocked == full)
    return;
  conn->blocked = full;
  note_full_time(conn, full);
  socket_wait(conn);
}

void socket_read_on(struct socket *socket) {
  if (!list_linked(&socket->more))
    list_push(&sockets_of(socket->conn)->more, &socket->more);
}

void socket_pause(struct conn *conn, bool paused) {
  struct socket *socket = socket_of(conn);
  enum socket_state state = paused ? SOCKET_PAUSED : SOCKET_READS;
  if (socket->state > SOCKET_PAUSED)
    return;
  if (socket->state != state)
    set_socket_state(socket, state);
  socket_wait(conn);
  if (!paused)
    socket_read_on(socket);
}

void socket_finish(struct conn *conn) {
  struct socket *socket = socket_of(conn);
  if (socket->state < SOCKET_LAST)
    set_socket_state(socket, SOCKET_LAST);
  socket_wait(conn);
}

void socket_end(struct conn *conn) {
  struct sockets *sockets = sockets_of(conn);
  struct socket *socket = socket_of(conn);
  if (socket->state == SOCKET_ENDED)
    return;
  set_socket_state(socket, SOCKET_ENDED);
  poller_remove(sockets->poller, &conn->transport.watch);
  list_remove(&socket->more);
  list_push(&sockets->ended, &socket->ended);
}

/* --- life --------------------------------------------------------------- */

struct socket *socket_new(struct sockets *sockets, struct conn *conn) {
  struct socket *socket = mem_alloc(sizeof *socket);
  socket->conn = conn;
  list_init(&socket->node);
  list_init(&socket->more);
  list_init(&socket->ended);
  list_push(&sockets->all, &socket->node);
  return socket;
}

struct conn *socket_open_take(struct sockets *sockets,
                              struct transport transport) {
  struct conn *conn = client_new(sockets->protocol, &sockets->io, NULL);
  conn->socket = socket_new(sockets, conn);
  conn->transport = transport;
  return conn;
}

void socket_free(struct sockets *sockets, struct socket *socket) {
  if (sockets->last == socket->conn)
    sockets->last = NULL;
  list_remove(&socket->node);
  list_remove(&socket->more);
  list_remove(&socket->ended);
  buf_free(&socket->rest);
  mem_free(socket);
}

static void close_socket(struct sockets *sockets, struct socket *socket) {
  struct conn *conn = socket->conn;
  transport_close(&conn->transport, sockets->poller);
  if (sockets->last == conn) /* it may be freed by its end */
    sockets->last = NULL;
  conn_gone(conn);
  socket_free(sockets, socket);
}

void sockets_close_ended(struct sockets *sockets) {
  struct list *node;
  while ((node = list_shift(&sockets->ended)))
    close_socket(sockets, container_of(node, struct socket, ended));
}

void sockets_close_all(struct sockets *sockets) {
  struct list *node;
  while ((node = list_shift(&sockets->all)))
    close_socket(sockets, container_of(node, struct socket, node));
}
