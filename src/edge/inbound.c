/* SPDX-License-Identifier: MIT
 * Reading. */
#include "edge/inbound.h"

#include "base/err.h"
#include "base/log.h"
#include "base/utf8.h"
#include "edge/outbound.h"
#include "edge/sockets.h"
#include "protocol/client.h"
#include "protocol/router.h"
#include "wire/close.h"
#include "wire/json.h"

/* --- messages ----------------------------------------------------------- */

/* What is wrong with a compressed message, as a close code; 0 if nothing is.
 * The text of a raw connection can be checked only now. */
static int inflate_message(struct conn *conn, const char *data, size_t len,
                           bool is_binary, struct buf *out) {
  int err = deflate_inflate(conn->deflate, data, len,
                            router_message_limit(conn), out);
  if (err == ERR_TOO_LARGE)
    return CLOSE_TOO_LARGE;
  if (err) {
    log_info("conn=%llu user=%s sent compressed data that is corrupt: %s",
             (unsigned long long)conn->id, conn_user_name(conn),
             deflate_fault(conn->deflate));
    return conn->raw ? CLOSE_PROTOCOL_ERROR : CLOSE_BAD_PROTOCOL;
  }
  bool checked = !conn->raw || is_binary || utf8_valid(out->data, out->len);
  return checked ? 0 : CLOSE_INVALID_TEXT;
}

static void take_compressed(struct conn *conn, const char *data, size_t len,
                            bool is_binary) {
  struct buf out = {0};
  int fault = inflate_message(conn, data, len, is_binary, &out);
  if (fault)
    conn_close(conn, fault, NULL);
  else
    router_message(conn, out.data, out.len, is_binary);
  buf_free(&out);
}

static void take_message(struct conn *conn, const char *data, size_t len,
                         const struct reader_part *part) {
  if (part->compressed)
    take_compressed(conn, data, len, part->is_binary);
  else
    router_message(conn, data, len, part->is_binary);
}

/* Whether the message can still become one that is not too long. What does
 * not get smaller by compression may get a little larger. */
static bool message_has_room(const struct conn *conn,
                             const struct reader_part *part) {
  size_t limit = router_message_limit(conn);
  size_t len = part->len + (part->first ? 0 : conn->in.len);
  if (part->compressed)
    limit += limit / 8;
  return len <= limit && part->left <= limit - len;
}

/* Most messages come whole, perhaps with nothing before; the others are put
 * together. */
static void take_part(struct conn *conn, const struct reader_part *part) {
  const char *data = (const char *)part->data;
  if (part->last && (part->first || conn->in.len == 0)) {
    take_message(conn, data, part->len, part);
    return;
  }
  buf_put(&conn->in, data, part->len);
  if (!part->last)
    return;
  struct buf whole = conn->in; /* the handler may close the connection */
  conn->in = (struct buf){0};
  take_message(conn, whole.data, whole.len, part);
  buf_free(&whole);
}

/* The text of a raw connection is checked as it comes. That of the others is
 * by the scanner of JSON, which reads every byte anyway. */
static bool is_text(struct conn *conn, const struct reader_part *part) {
  return utf8_feed(&conn->text, (const char *)part->data, part->len) &&
         (!part->last || utf8_is_whole(&conn->text));
}

/* --- frames ------------------------------------------------------------- */

/* Writes what waits, the close frame last, and hangs up. */
static void finish_conn(struct sockets *sockets, struct conn *conn) {
  outbound_flush(sockets, conn);
  socket_finish(conn);
}

/* RFC 6455, 7.1.7: what comes next may stand in the middle of a frame, there is
 * nothing to wait for. What the peer was answered before goes out, then our
 * close frame. */
static void fail_conn(struct sockets *sockets, struct conn *conn, int code) {
  conn_close(conn, code, NULL);
  finish_conn(sockets, conn);
}

/* A frame that brings a message no further. Any number of them may come (5.4),
 * and no other limit would count them. */
static bool is_idle_part(const struct reader_part *part) {
  return part->len == 0 && part->left == 0 && !part->last;
}

static void on_data_part(struct sockets *sockets, struct conn *conn,
                         const struct reader_part *part) {
  if (part->is_binary && !conn->raw) {
    conn_close(conn, CLOSE_UNSUPPORTED_FRAME, NULL);
  } else if (is_idle_part(part)) {
    (void)router_control(conn, 0);
  } else if (!message_has_room(conn, part)) {
    buf_free(&conn->in);
    conn_close(conn, CLOSE_TOO_LARGE, NULL);
  } else if (conn->raw && !part->is_binary && !part->compressed &&
             !is_text(conn, part)) {
    fail_conn(sockets, conn, CLOSE_INVALID_TEXT);
  } else {
    take_part(conn, part);
  }
}

/* 5.5.2. Those who do not read the answers are slow clients like others. */
static void on_ping_part(struct conn *conn, const struct reader_part *part) {
  if (!router_control(conn, part->len))
    return;
  struct frame *pong = frame_new(FRAME_PONG, part->data, part->len);
  (void)conn_send_control(conn, pong);
  frame_unref(pong);
}

/* 5.5.1. Both have said it then, and a server hangs up first. */
static void on_close_part(struct sockets *sockets, struct conn *conn,
                          const struct reader_part *part) {
  const struct socket *socket = socket_of(conn);
  int code = part->len < 2 ? 0 : part->data[0] << 8 | part->data[1];
  if (part->len > 0 && !close_is_legal(code))
    conn_close(conn, CLOSE_PROTOCOL_ERROR, NULL);
  else if (part->len > 2 &&
           !utf8_valid((const char *)part->data + 2, part->len - 2))
    conn_close(conn, CLOSE_INVALID_TEXT, NULL);
  else
    conn_peer_closes(conn, code);
  finish_conn(sockets, socket->conn);
}

/* Whether more may follow. Once we have closed the connection, only the end of
 * it is of interest. */
static bool take_next(struct sockets *sockets, struct conn *conn,
                      struct reader_input *input) {
  struct reader_part part;
  bool open = conn_is_open(conn);
  switch (reader_next(&conn->reader, input, &part)) {
  case READER_MORE:
    return false;
  case READER_DATA:
    if (open)
      on_data_part(sockets, conn, &part);
    return true;
  case READER_PING:
    if (open)
      on_ping_part(conn, &part);
    return true;
  case READER_PONG:
    if (open)
      (void)router_control(conn, part.len);
    return true;
  case READER_CLOSE:
    on_close_part(sockets, conn, &part);
    return false;
  case READER_FAULT:
    break;
  }
  fail_conn(sockets, conn, CLOSE_PROTOCOL_ERROR);
  return false;
}

/* A message may give the socket to another connection, see edge/handover. */
static void take_input(struct sockets *sockets, struct socket *socket,
                       void *data, size_t len) {
  struct reader_input input = {data, len};
  socket->conn->last_frame_ms = uv_now(sockets->protocol->loop);
  while (input.len > 0 && socket->conn->transport.watch.ready)
    if (client_of(socket->conn)->held) {
      buf_put(&socket->rest, input.at, input.len);
      return;
    } else if (!take_next(sockets, socket->conn, &input)) {
      return;
    }
}

/* --- reading ------------------------------------------------------------ */

static void receive_some(struct sockets *sockets, struct socket *socket) {
  ssize_t n = transport_read(&socket->conn->transport, sockets->input,
                             TRANSPORT_BLOCK_BYTES);
  if (n > 0)
    take_input(sockets, socket, sockets->input, (size_t)n);
  else if (n < 0)
    socket_end(socket->conn);
  struct conn *conn = socket->conn;
  if (!conn->blocked && conn->transport.watch.ready &&
      transport_is_full(&conn->transport))
    outbound_flush(sockets, conn); /* TLS has answered by itself */
}

/* The loop is told of what the kernel has, not of what TLS has. */
static void note_more(struct conn *conn) {
  if (transport_has_more(&conn->transport) && conn->transport.watch.ready)
    socket_read_on(socket_of(conn));
}

void inbound_ready(struct poller_item *item, uint32_t events) {
  struct conn *conn = container_of(item, struct conn, transport.watch);
  struct sockets *sockets = sockets_of(conn);
  struct socket *socket = socket_of(conn);
  pulse_doing(sockets->pulse, "reading from a connection");
  outbound_flush_last(sockets, conn);
  if (events & EPOLLOUT)
    outbound_flush(sockets, conn);
  if (!item->ready)
    return;
  if (item->events & EPOLLIN) {
    receive_some(sockets, socket);
    note_more(socket->conn);
  } else if (events & (EPOLLERR | EPOLLHUP)) {
    socket_end(conn); /* it is paused, and would be told so again and again */
  }
}

void inbound_go_on(struct socket *socket) {
  struct sockets *sockets = sockets_of(socket->conn);
  struct buf rest = socket->rest;
  socket->rest = (struct buf){0};
  if (rest.len > 0)
    take_input(sockets, socket, rest.data, rest.len);
  else if (transport_has_more(&socket->conn->transport))
    receive_some(sockets, socket);
  buf_free(&rest);
  socket_wait(socket->conn); /* what came after the rest may come now */
  note_more(socket->conn);
}
