/* SPDX-License-Identifier: MIT
 * From connection to connection. */
#include "edge/handover.h"

#include "edge/inbound.h"
#include "edge/sockets.h"
#include "hub/line.h"
#include "protocol/heartbeat.h"
#include "protocol/protocol.h"

/* One that has ended stays so, and is closed with the turn. */
static void watch_again(struct sockets *sockets, struct conn *conn) {
  struct poller_item *watch = &conn->transport.watch;
  if (socket_of(conn)->state == SOCKET_ENDED)
    return;
  if (poller_add(sockets->poller, watch, 0, inbound_ready))
    socket_end(conn); /* no memory */
  else
    socket_wait(conn);
}

void handover_socket(struct conn *from, struct conn *to) {
  struct sockets *sockets = sockets_of(from);
  struct socket *socket = socket_of(from);
  struct line line;
  struct deflate *deflate = from->deflate;
  line_take(from, &line);
  line.transport = transport_move(&from->transport, sockets->poller);
  socket->conn = to;
  line_put_take(to, &line, socket, deflate);
  if (sockets->last == from)
    sockets->last = to;
  watch_again(sockets, to);
}

void handover_to_end(struct conn *conn, int code, struct frame *last) {
  struct sockets *sockets = sockets_of(conn);
  struct protocol *protocol = sockets->protocol;
  struct conn *rest = client_new(protocol, &sockets->io, NULL);
  rest->id = conn->id; /* for the log */
  manager_add_unknown(&protocol->manager, rest);
  handover_socket(conn, rest);
  conn_end_take(rest, code, last);
  socket_pause(rest, false); /* its answer is to be read */
  heartbeat_arm(rest);
}

void handover_detach(struct conn *conn, struct line *line) {
  struct sockets *sockets = sockets_of(conn);
  struct socket *socket = socket_of(conn);
  line_take(conn, line);
  line->transport = transport_move(&conn->transport, sockets->poller);
  line->rest = socket->rest;
  socket->rest = (struct buf){0};
  socket_free(sockets, socket);
}

void handover_attach_take(struct conn *conn, struct line *line) {
  struct sockets *sockets = sockets_of(conn);
  struct socket *socket = socket_new(sockets, conn);
  socket->rest = line->rest;
  line_put_take(conn, line, socket, sockets->deflate);
  watch_again(sockets, conn);
  socket_read_on(socket);
}
