/* SPDX-License-Identifier: MIT
 * Connections on their sockets. */
#include "edge/ws.h"

#include "base/log.h"
#include "base/mem.h"
#include "edge/edge.h"
#include "edge/inbound.h"
#include "edge/link.h"
#include "edge/outbound.h"
#include "edge/tcp.h"

#include <openssl/err.h>
#include <unistd.h>

struct ws_session *ws_session_of(const struct conn *conn) {
  return conn->socket;
}

/* --- waiting and ending ------------------------------------------------- */

static struct edge *edge_of(const struct conn *conn) {
  return container_of(conn->io, struct edge, io);
}

static void look_after(struct ws_session *session) {
  if (!list_linked(&session->more))
    list_push(&edge_of(session->conn)->more, &session->more);
}

void ws_wait(struct conn *conn) {
  struct edge *edge = edge_of(conn);
  const struct ws_session *session = ws_session_of(conn);
  bool reads = !session->paused && !session->done && session->rest.len == 0;
  if (session->done && !conn->blocked)
    ws_end(conn);
  else
    poller_change(&edge->poller, &conn->watch,
                  (reads ? EPOLLIN : 0U) | (conn->blocked ? EPOLLOUT : 0U));
}

void ws_finish(struct conn *conn) {
  ws_session_of(conn)->done = true;
  ws_wait(conn);
}

void ws_end(struct conn *conn) {
  struct edge *edge = edge_of(conn);
  struct ws_session *session = ws_session_of(conn);
  poller_remove(&edge->poller, &conn->watch);
  list_remove(&session->more);
  if (!list_linked(&session->ended))
    list_push(&edge->ended, &session->ended);
}

/* TLS says farewell if it can. */
static void close_socket(struct conn *conn) {
  SSL *tls = conn->tls;
  if (tls && !link_is_full(tls)) {
    ERR_clear_error();
    SSL_shutdown(tls); /* the answer to that is not waited for */
  }
  SSL_free(tls);
  conn->tls = NULL;
  tcp_forget_unread(conn->watch.fd);
  close(conn->watch.fd);
}

static void close_session(struct edge *edge, struct ws_session *session) {
  struct conn *conn = session->conn;
  poller_remove(&edge->poller, &conn->watch);
  close_socket(conn);
  conn_gone(conn);
  list_remove(&session->node);
  list_remove(&session->more);
  list_remove(&session->ended);
  buf_free(&session->rest);
  mem_free(session);
  if (edge->last == conn)
    edge->last = NULL;
}

void ws_close_ended(struct edge *edge) {
  struct list *node;
  while ((node = list_shift(&edge->ended)))
    close_session(edge, container_of(node, struct ws_session, ended));
}

/* --- what connections ask for ------------------------------------------- */

static void kill_socket(struct conn *conn) {
  if (!conn->socket)
    return;
  if (conn->blocked)
    tcp_forget_unsent(conn->watch.fd);
  ws_end(conn);
}

/* Messages in parts, and what has not been read yet, are not told to it; the
 * kernel knows. */
static uint64_t silent_ms(struct conn *conn) {
  return tcp_silent_ms(conn->watch.fd);
}

/* Not what the kernel takes from us: with a send buffer of some MiB and a
 * slow peer that may be nothing for a long time. */
static uint64_t acked(struct conn *conn) {
  return tcp_acked(conn->watch.fd);
}

static void pause_reading(struct conn *conn, bool paused) {
  if (!conn->socket)
    return;
  struct ws_session *session = ws_session_of(conn);
  session->paused = paused;
  ws_wait(conn);
  if (!paused && !list_linked(&session->ended))
    look_after(session);
}

const struct conn_io ws_io = {
    .want_flush = outbound_want,
    .flush = outbound_flush_now,
    .kill = kill_socket,
    .silent_ms = silent_ms,
    .pause = pause_reading,
    .acked = acked,
};

/* --- life --------------------------------------------------------------- */

struct conn *ws_open_take(struct edge *edge, int fd, SSL *tls,
                          struct slice rest) {
  struct ws_session *session = mem_alloc(sizeof *session);
  struct conn *conn = client_new(edge->protocol, &edge->io, session);
  session->conn = conn;
  list_init(&session->more);
  list_init(&session->ended);
  conn->watch.fd = fd;
  conn->tls = tls;
  buf_put(&session->rest, rest.at, rest.len);
  list_init(&session->node);
  list_push(&edge->sessions, &session->node);
  return conn;
}

void ws_start(struct conn *conn) {
  struct edge *edge = edge_of(conn);
  look_after(ws_session_of(conn));
  if (!poller_add(&edge->poller, &conn->watch, EPOLLIN, inbound_ready)) {
    conn->blocked = conn->blocked || link_is_full(conn->tls);
    ws_wait(conn);
    return;
  }
  log_warn("conn=%llu cannot be waited for: out of memory?",
           (unsigned long long)conn->id);
  ws_end(conn);
}

void ws_close_all(struct edge *edge) {
  struct list *node;
  while ((node = list_shift(&edge->sessions)))
    close_session(edge, container_of(node, struct ws_session, node));
}

void ws_look_after(struct edge *edge) {
  struct turn *turn = &edge->protocol->host.turn;
  struct list sessions, *node;
  if (list_empty(&edge->more))
    return;
  list_move(&edge->more, &sessions);
  turn_part_begin(turn);
  while (!turn_part_over(turn) && (node = list_shift(&sessions))) {
    struct ws_session *session = container_of(node, struct ws_session, more);
    if (!session->paused && !session->done && !list_linked(&session->ended))
      inbound_go_on(edge, session);
  }
  /* Those for whom it was too much come first in the next turn. */
  while ((node = list_shift(&edge->more)))
    list_push(&sessions, node);
  list_move(&sessions, &edge->more);
}
