/* SPDX-License-Identifier: MIT
 * Connections on their sockets. */
#include "edge/ws.h"

#include "base/log.h"
#include "edge/handover.h"
#include "edge/inbound.h"
#include "edge/outbound.h"
#include "edge/sockets.h"
#include "net/tcp.h"
#include "protocol/protocol.h"

/* --- what connections ask for ------------------------------------------- */

static void kill_socket(struct conn *conn) {
  if (!conn->socket)
    return;
  if (conn->blocked)
    tcp_forget_unsent(conn->transport.watch.fd);
  socket_end(conn);
}

/* Messages in parts, and what has not been read yet, are not told to it; the
 * kernel knows. */
static uint64_t silent_ms(struct conn *conn) {
  return tcp_silent_ms(conn->transport.watch.fd);
}

static uint64_t unanswered_ms(struct conn *conn) {
  return tcp_unanswered_ms(conn->transport.watch.fd);
}

/* Not what the kernel takes from us: with a send buffer of some MiB and a
 * slow peer that may be nothing for a long time. */
static uint64_t acked_bytes(struct conn *conn) {
  return tcp_acked(conn->transport.watch.fd);
}

static void pause_reading(struct conn *conn, bool paused) {
  if (conn->socket)
    socket_pause(conn, paused);
}

static const struct conn_io ws_io = {
    .want_flush = outbound_want,
    .flush = outbound_flush_now,
    .kill = kill_socket,
    .silent_ms = silent_ms,
    .unanswered_ms = unanswered_ms,
    .pause = pause_reading,
    .acked = acked_bytes,
    .part = handover_to_end,
    .hand_over = handover_socket,
    .detach = handover_detach,
    .attach_take = handover_attach_take,
};

/* --- life --------------------------------------------------------------- */

void ws_open(struct sockets *sockets) {
  sockets->io = ws_io;
  sockets->protocol->io = &sockets->io;
  list_init(&sockets->all);
  list_init(&sockets->dirty);
  list_init(&sockets->held);
  list_init(&sockets->more);
  list_init(&sockets->ended);
}

void ws_start(struct conn *conn) {
  struct poller *poller = sockets_of(conn)->poller;
  socket_read_on(socket_of(conn));
  if (!poller_add(poller, &conn->transport.watch, EPOLLIN, inbound_ready)) {
    conn->blocked = conn->blocked || transport_is_full(&conn->transport);
    socket_wait(conn);
    return;
  }
  log_warn("conn=%llu cannot be waited for: out of memory?",
           (unsigned long long)conn->id);
  socket_end(conn);
}

void ws_read_on(struct sockets *sockets) {
  struct turn *turn = &sockets->protocol->host.turn;
  struct list some, *node;
  if (list_empty(&sockets->more))
    return;
  list_move(&sockets->more, &some);
  turn_part_begin(turn);
  while (!turn_part_over(turn) && (node = list_shift(&some))) {
    struct socket *socket = container_of(node, struct socket, more);
    if (socket->state == SOCKET_READS)
      inbound_go_on(socket);
  }
  /* Those for whom it was too much come first in the next turn. */
  while ((node = list_shift(&sockets->more)))
    list_push(&some, node);
  list_move(&some, &sockets->more);
}
