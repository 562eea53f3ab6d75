/* SPDX-License-Identifier: MIT
 * WebSocket connections on libwebsockets. */
#include "edge/ws.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/close.h"
#include "core/json.h"
#include "edge/credential.h"
#include "edge/edge.h"
#include "edge/extension.h"
#include "edge/headers.h"
#include "edge/http.h"
#include "edge/tcp.h"
#include "protocol/answer.h"
#include "protocol/auth.h"
#include "protocol/inbox.h"
#include "protocol/raw.h"
#include "protocol/router.h"
#include "protocol/session.h"

#include <openssl/ssl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* So that one busy client leaves time for the others, … */
enum { READS_A_TURN = 16 };

/* … and so does a message to many, as long as little waits for each. */
enum { FLUSHES_A_TURN = 64, LITTLE_BYTES = WS_GATHER_BYTES / 4 };

/* As long as all headers together may be. */
enum { FORWARDED_BYTES = 4096 };

static struct edge *edge_of(struct lws *wsi) {
  return lws_context_user(lws_get_context(wsi));
}

/* --- writing ------------------------------------------------------------ */

/* What the kernel takes at once, without the library, which needs as many
 * instructions to call send() as all the rest of a delivery. Errors are left to
 * the library. The caller knows that it holds nothing back. */
static size_t send_directly(const struct conn *conn, const unsigned char *data,
                            size_t len) {
  if (conn->plain_fd < 0)
    return 0;
  ssize_t n = send(conn->plain_fd, data, len, MSG_NOSIGNAL);
  return n < 0 ? 0 : (size_t)n;
}

/* The library keeps what the socket does not take and asks for WRITEABLE
 * itself. False when the socket is broken. */
static bool send_rest(struct conn *conn, const unsigned char *data,
                      size_t len) {
  struct lws *wsi = conn->socket;
  /* The parameter is not const for writes that need headroom; RAW does not. */
  if (lws_write(wsi, (unsigned char *)data, len, LWS_WRITE_RAW) < 0)
    return false;
  conn->blocked = lws_partial_buffered(wsi);
  conn->held = conn->blocked ? (uint32_t)len : 0;
  return true;
}

/* Writes bytes that are frames already; the connection is not blocked. False
 * when the socket is broken. */
static bool write_raw(struct conn *conn, const unsigned char *data,
                      size_t len) {
  struct stats *stats = conn->manager->stats;
  size_t sent = send_directly(conn, data, len);
  conn->held = 0;
  if (sent < len && !send_rest(conn, data + sent, len - sent))
    return false;
  stats->writes++;
  stats->bytes_out += len;
  return true;
}

/* Copies whole frames from the front into the gather buffer while they fit;
 * returns how many. */
static uint32_t gather(const struct conn *conn, unsigned char *out,
                       size_t *len) {
  const struct frame *frame;
  uint32_t n = 0;
  *len = 0;
  while ((frame = outq_peek(&conn->out, n)) &&
         *len + frame->len <= WS_GATHER_BYTES) {
    memcpy(out + *len, frame->data, frame->len);
    *len += frame->len;
    n++;
  }
  return n;
}

/* One write of what fits into it. False when the socket is broken. */
static bool write_some(struct edge *edge, struct conn *conn) {
  const struct frame *first = outq_peek(&conn->out, 0);
  size_t len;
  uint32_t n = 0;
  if (conn->out.count > 1)
    n = gather(conn, edge->gather, &len);
  bool ok = n > 1 ? write_raw(conn, edge->gather, len)
                  : write_raw(conn, first->data, first->len);
  outq_drop(&conn->out, n > 1 ? n : 1);
  return ok;
}

static void kill_socket(struct conn *conn) {
  if (!conn->socket)
    return;
  if (conn->blocked)
    tcp_forget_unsent(lws_get_socket_fd(conn->socket));
  lws_set_timeout(conn->socket, PENDING_TIMEOUT_USER_REASON_BASE,
                  LWS_TO_KILL_ASYNC);
  /* Its timers are looked at after its own events only: make one. */
  lws_cancel_service(lws_get_context(conn->socket));
}

/* Writes until the queue is empty or the socket takes no more. */
static void flush(struct edge *edge, struct conn *conn) {
  struct lws *wsi = conn->socket;
  bool was_blocked = conn->blocked;
  conn->blocked = lws_partial_buffered(wsi);
  while (conn->out.count > 0 && !conn->blocked)
    if (!write_some(edge, conn)) {
      outq_clear(&conn->out);
      kill_socket(conn);
      break;
    }
  if (conn->blocked)
    lws_callback_on_writable(wsi);
  if (conn->blocked || was_blocked)
    backlog_update(conn);
}

static void mark_dirty(struct conn *conn) {
  /* By way of the library it would be one more miss of the cache. */
  struct edge *edge = container_of(conn->io, struct edge, io);
  if (!list_linked(&conn->dirty))
    list_push(&edge->dirty, &conn->dirty);
}

static int fd_of(const struct conn *conn) {
  return conn->socket ? lws_get_socket_fd(conn->socket) : -1;
}

/* Pings and partial frames are not told to us; the kernel knows. */
static uint64_t silent_ms(struct conn *conn) {
  return tcp_silent_ms(fd_of(conn));
}

/* Not what the kernel takes from us: with a send buffer of some MiB and a
 * slow peer that may be nothing for a long time. */
static uint64_t acked(struct conn *conn) {
  return tcp_acked(fd_of(conn));
}

static void pause_reading(struct conn *conn, bool paused) {
  if (!conn->socket)
    return;
  lws_rx_flow_control(conn->socket, !paused);
  /* What the library has read already is served after its own events. */
  if (!paused)
    lws_cancel_service(lws_get_context(conn->socket));
}

const struct conn_io ws_io = {
    .want_flush = mark_dirty,
    .kill = kill_socket,
    .silent_ms = silent_ms,
    .pause = pause_reading,
    .acked = acked,
};

/* Another connection's turn has come: what the one before it was answered
 * leaves now, while its memory is still in the processor's cache. With a
 * thousand clients in one loop turn it would be cold at the end of it. */
static void flush_last(struct edge *edge, struct conn *next) {
  struct conn *last = edge->last;
  edge->last = next;
  if (!last || last == next || !list_linked(&last->dirty))
    return;
  list_remove(&last->dirty);
  flush(edge, last);
}

/* The first in the list has waited longest, and in a fan-out it has most:
 * where messages come faster than they can be written, everything is written
 * before more is read. */
bool ws_flush_dirty(struct edge *edge) {
  flush_last(edge, NULL); /* an answer does not wait for the crowd */
  for (int done = 0; !list_empty(&edge->dirty); done++) {
    struct conn *conn = container_of(edge->dirty.next, struct conn, dirty);
    if (done >= FLUSHES_A_TURN && conn->out.bytes < LITTLE_BYTES)
      return false;
    list_remove(&conn->dirty);
    flush(edge, conn);
  }
  return true;
}

/* --- callbacks ---------------------------------------------------------- */

/* Who it is, behind the proxies. A header that is too long is no help. */
static int get_client(const struct edge *edge, struct lws *wsi,
                      char out[PROXY_ADDRESS_BYTES]) {
  char peer[TCP_ADDRESS_BYTES], forwarded[FORWARDED_BYTES];
  if (tcp_peer(lws_get_socket_fd(wsi), peer))
    return ERR_SYSTEM;
  if (!headers_get(wsi, WSI_TOKEN_X_FORWARDED_FOR, forwarded, sizeof forwarded))
    *forwarded = '\0';
  proxy_client(&edge->proxies, peer, forwarded, out);
  return 0;
}

/* A bad token is answered in the WebSocket, not with 401: browsers show a
 * page no other reason than a close code. */
static void login_at_once(const struct edge *edge, struct conn *conn) {
  char token[CREDENTIAL_BYTES];
  size_t len = 0;
  if (!conn_is_open(conn))
    return;
  bool found =
      credential_get(conn->socket, edge->config, conn->raw, token, &len);
  if (conn->raw)
    raw_open(conn, token, found ? len : 0);
  else if (found)
    auth_token(conn, token, len);
}

static int on_established(struct lws *wsi, struct ws_session *session) {
  struct edge *edge = edge_of(wsi);
  char address[PROXY_ADDRESS_BYTES];
  pending_end(wsi);
  if (get_client(edge, wsi, address))
    return -1; /* gone already */
  struct conn *conn = conn_new(edge->protocol->loop, &edge->io, wsi);
  conn->plain_fd = lws_is_ssl(wsi) ? -1 : lws_get_socket_fd(wsi);
  conn->deflate = session->deflate ? edge->deflate : NULL;
  *session = (struct ws_session){.conn = conn, .deflate = session->deflate};
  list_init(&session->more);
  list_init(&session->failed);
  conn->headers = headers_pack(wsi, edge->config->headers);
  conn->raw = http_is_raw(edge, wsi);
  session_open(edge->protocol, conn, address);
  login_at_once(edge, conn);
  return 0;
}

/* What is wrong with a compressed message, as a close code; 0 if nothing is.
 * The text of a raw connection can be checked only now. */
static int inflate_message(struct conn *conn, const char *data, size_t len,
                           bool is_binary, struct buf *out) {
  int err = deflate_inflate(conn->deflate, data, len,
                            router_message_limit(conn), out);
  if (err == ERR_TOO_LARGE)
    return CLOSE_TOO_LARGE;
  if (err) {
    log_info("conn=%llu user=%s sent compressed data that is corrupt",
             (unsigned long long)conn->id, conn_user_name(conn));
    return conn->raw ? CLOSE_PROTOCOL_ERROR : CLOSE_BAD_PROTOCOL;
  }
  bool checked =
      !conn->raw || is_binary || json_utf8_valid(out->data, out->len);
  return checked ? 0 : CLOSE_INVALID_TEXT;
}

/* The sender pays for the bytes that it sends, we for those that come of it:
 * one who is past its rates and goes on like that is not just told so. */
static void take_compressed(struct conn *conn, const char *data, size_t len,
                            bool is_binary) {
  struct buf out = {0};
  int fault = inflate_message(conn, data, len, is_binary, &out);
  if (fault)
    conn_close(conn, fault, NULL);
  else if (!router_message(conn, out.data, out.len, is_binary))
    answer_mistake(conn);
  buf_free(&out);
}

static void take_message(const struct ws_session *session, const char *data,
                         size_t len, bool is_binary) {
  if (session->compressed)
    take_compressed(session->conn, data, len, is_binary);
  else
    (void)router_message(session->conn, data, len, is_binary);
}

/* What does not get smaller may get a little larger. */
static size_t part_limit(const struct ws_session *session) {
  size_t limit = router_message_limit(session->conn);
  return session->compressed ? limit + limit / 8 : limit;
}

/* A part of a message: most come whole, the others are put together. */
static void take_part(struct ws_session *session, const char *in, size_t len,
                      bool last, bool is_binary) {
  struct conn *conn = session->conn;
  if (conn->in.len + len > part_limit(session)) {
    buf_free(&conn->in);
    conn_close(conn, CLOSE_TOO_LARGE, NULL);
    return;
  }
  if (last && conn->in.len == 0) {
    take_message(session, in ? in : "", len, is_binary);
    return;
  }
  buf_put(&conn->in, in, len);
  if (!last)
    return;
  struct buf whole = conn->in; /* the handler may close the connection */
  conn->in = (struct buf){0};
  take_message(session, whole.data, whole.len, is_binary);
  buf_free(&whole);
}

/* The text of a raw connection is checked as it comes. That of the others is
 * by the scanner of JSON, which reads every byte anyway. */
static bool is_text(struct ws_session *session, const char *in, size_t len,
                    bool last) {
  return utf8_feed(&session->text, in, len) &&
         (!last || utf8_is_whole(&session->text));
}

/* A read that was half full at least may have left something behind. */
static void note_bytes(struct lws *wsi, struct ws_session *session,
                       size_t len) {
  session->turn_bytes += len;
  if (session->turn_bytes >= WS_RX_BYTES / 2 && !list_linked(&session->more))
    list_push(&edge_of(wsi)->more, &session->more);
}

static bool has_input(int fd) {
  int waiting = 0;
  return ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 0;
}

static void read_more(struct edge *edge, struct ws_session *session) {
  struct lws_pollfd poll = {.events = POLLIN, .revents = POLLIN};
  poll.fd = lws_get_socket_fd(session->conn->socket);
  edge->reading = session;
  for (int i = 0; i < READS_A_TURN && edge->reading &&
                  !inbox_is_full(session->conn) && has_input(poll.fd);
       i++)
    lws_service_fd(edge->context, &poll);
  if (edge->reading)
    session->turn_bytes = 0;
  edge->reading = NULL;
}

void ws_read_more(struct edge *edge) {
  struct list sessions, *node;
  list_move(&edge->more, &sessions);
  while ((node = list_shift(&sessions)))
    read_more(edge, container_of(node, struct ws_session, more));
  /* What was read just now does not count as the next turn's. */
  while ((node = list_shift(&edge->more)))
    container_of(node, struct ws_session, more)->turn_bytes = 0;
}

/* What comes next may stand in the middle of the frame: there is nothing to
 * wait for. */
static int refuse_text(struct edge *edge, struct conn *conn) {
  conn_close(conn, CLOSE_INVALID_TEXT, NULL);
  flush(edge, conn);
  return -1;
}

static int on_receive(struct lws *wsi, struct ws_session *session,
                      const char *in, size_t len) {
  struct edge *edge = edge_of(wsi);
  struct conn *conn = session->conn;
  if (!conn)
    return 0;
  flush_last(edge, conn);
  if (!conn_is_open(conn))
    return 0;
  note_bytes(wsi, session, len);
  conn->last_frame_ms = uv_now(conn->timer.loop);
  bool is_binary = lws_frame_is_binary(wsi);
  bool last =
      lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0;
  if (conn->deflate && !extension_note_part(wsi, session))
    conn_close(conn, CLOSE_PROTOCOL_ERROR, NULL);
  else if (is_binary && !conn->raw)
    conn_close(conn, CLOSE_UNSUPPORTED_FRAME, NULL);
  else if (conn->raw && !is_binary && !session->compressed &&
           !is_text(session, in, len, last))
    return refuse_text(edge, conn);
  else
    take_part(session, in, len, last, is_binary);
  return 0;
}

static int on_writeable(struct lws *wsi, struct ws_session *session) {
  if (session->conn)
    flush(edge_of(wsi), session->conn);
  return 0;
}

/* --- the end ------------------------------------------------------------ */

/* RFC 6455, 7.4: what an endpoint may send. The library has put 1002 in the
 * place of those below 3000 that it does not know. */
static bool is_close_code(int code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1011) ||
         (code >= 3000 && code <= 4999);
}

/* What is wrong with the payload of a close frame; 0 if nothing is. */
static int close_fault(const unsigned char *in, size_t len) {
  if (len == 0)
    return 0;
  if (len == 1 || !is_close_code(in[0] << 8 | in[1]))
    return CLOSE_PROTOCOL_ERROR;
  return json_utf8_valid((const char *)in + 2, len - 2) ? 0
                                                        : CLOSE_INVALID_TEXT;
}

/* The peer's close frame is answered with its code, without one if it has
 * none. Both have said it then, and a server hangs up first. */
static void answer_close(struct edge *edge, struct conn *conn,
                         const unsigned char *in, size_t len) {
  flush(edge, conn);
  if (conn->blocked || !conn_is_open(conn))
    return;
  struct frame *frame = frame_new(FRAME_CLOSE, in, len ? 2 : 0);
  (void)write_raw(conn, frame->data, frame->len); /* it goes either way */
  frame_unref(frame);
}

/* The library's own answer would echo a payload that is none. It is told to
 * hang up instead, when ours is written. */
static int on_peer_close(struct lws *wsi, struct ws_session *session,
                         const unsigned char *in, size_t len) {
  struct edge *edge = edge_of(wsi);
  struct conn *conn = session->conn;
  int fault = close_fault(in, len);
  if (!conn)
    return -1;
  if (fault)
    conn_close(conn, fault, NULL);
  else
    session->peer_code = len ? in[0] << 8 | in[1] : CLOSE_NORMAL;
  answer_close(edge, conn, in, len);
  return -1;
}

/* Whether the peer has not ended the connection, with or without a word. */
static bool is_connected(struct lws *wsi) {
  SSL *ssl = lws_get_ssl(wsi);
  if (ssl && SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN)
    return false;
  return tcp_is_established(lws_get_socket_fd(wsi));
}

/* The library gives up a connection that neither side has closed: what came
 * was no frame. What the peer was answered before goes out, then our close
 * frame. If the library has prepared one of its own, it waits to send that,
 * and then for an answer, which it may not even recognize behind a broken
 * frame: see ws_end_failed. */
static void on_bad_frame(struct edge *edge, struct ws_session *session,
                         struct lws *wsi) {
  flush(edge, session->conn);
  conn_close(session->conn, CLOSE_PROTOCOL_ERROR, NULL);
  flush(edge, session->conn);
  if (lws_get_close_length(wsi) > 0) {
    session->wsi = wsi;
    list_push(&edge->failed, &session->failed);
  }
}

void ws_end_failed(struct edge *edge) {
  struct list *node;
  while ((node = list_shift(&edge->failed))) {
    struct ws_session *session = container_of(node, struct ws_session, failed);
    lws_set_timeout(session->wsi, PENDING_TIMEOUT_USER_REASON_BASE,
                    LWS_TO_KILL_SYNC);
  }
}

/* The library begins to end it, and hears nothing more that is for us. */
static int on_drop(struct lws *wsi, struct ws_session *session) {
  struct edge *edge = edge_of(wsi);
  struct conn *conn = session->conn;
  int code = session->peer_code ? session->peer_code : CLOSE_ABNORMAL;
  if (!conn)
    return 0;
  if (conn_is_open(conn) && !session->peer_code && is_connected(wsi))
    on_bad_frame(edge, session, wsi);
  tcp_forget_unread(lws_get_socket_fd(wsi));
  conn_gone(conn, code);
  list_remove(&session->more);
  if (edge->reading == session)
    edge->reading = NULL;
  if (edge->last == conn)
    edge->last = NULL;
  session->conn = NULL;
  return 0;
}

static int on_closed(struct lws *wsi, struct ws_session *session) {
  on_drop(wsi, session);
  if (session->wsi)
    list_remove(&session->failed);
  return 0;
}

int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user,
                void *in, size_t len) {
  switch (reason) {
  case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
    edge_of(wsi)->tls = user; /* at the start, see edge_renew_certificate */
    return 0;
  case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
    return http_confirm_upgrade(edge_of(wsi), wsi);
  case LWS_CALLBACK_FILTER_HTTP_CONNECTION:
    pending_request(wsi);
    return 0;
  case LWS_CALLBACK_WSI_DESTROY:
    pending_end(wsi);
    return 0;
  case LWS_CALLBACK_CONFIRM_EXTENSION_OKAY:
    return extension_confirm(wsi, user);
  case LWS_CALLBACK_ADD_HEADERS:
    return extension_answer(user, in);
  case LWS_CALLBACK_HTTP:
    return http_request(edge_of(wsi), wsi);
  case LWS_CALLBACK_ESTABLISHED:
    return on_established(wsi, user);
  case LWS_CALLBACK_RECEIVE:
    return on_receive(wsi, user, in, len);
  case LWS_CALLBACK_RECEIVE_PONG:
    return 0; /* see silent_ms */
  case LWS_CALLBACK_SERVER_WRITEABLE:
    return on_writeable(wsi, user);
  case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
    return on_peer_close(wsi, user, in, len);
  case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
    return on_drop(wsi, user);
  case LWS_CALLBACK_CLOSED:
    return on_closed(wsi, user);
  default: /* plain HTTP has chores that the library does itself */
    return lws_callback_http_dummy(wsi, reason, user, in, len);
  }
}
