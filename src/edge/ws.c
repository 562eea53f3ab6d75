/* SPDX-License-Identifier: MIT
 * WebSocket connections on libwebsockets. */
#include "edge/ws.h"

#include "base/err.h"
#include "base/log.h"
#include "edge/credential.h"
#include "edge/edge.h"
#include "edge/extension.h"
#include "edge/headers.h"
#include "edge/http.h"
#include "edge/inbound.h"
#include "edge/link.h"
#include "edge/outbound.h"
#include "edge/tcp.h"
#include "protocol/auth.h"
#include "protocol/raw.h"
#include "protocol/session.h"

/* As long as all headers together may be. */
enum { FORWARDED_BYTES = 4096 };

static struct edge *edge_of(struct lws *wsi) {
  return lws_context_user(lws_get_context(wsi));
}

struct ws_session *ws_session_of(const struct conn *conn) {
  return lws_wsi_user(conn->socket);
}

/* --- waiting and ending ------------------------------------------------- */

static void look_after(struct ws_session *session) {
  if (!list_linked(&session->more))
    list_push(&edge_of(session->wsi)->more, &session->more);
}

void ws_wait(struct conn *conn) {
  struct edge *edge = container_of(conn->io, struct edge, io);
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
  struct edge *edge = container_of(conn->io, struct edge, io);
  struct ws_session *session = ws_session_of(conn);
  poller_remove(&edge->poller, &conn->watch);
  list_remove(&session->more);
  if (!list_linked(&session->ended))
    list_push(&edge->ended, &session->ended);
}

void ws_close_ended(struct edge *edge) {
  struct list *node;
  while ((node = list_shift(&edge->ended)))
    lws_set_timeout(container_of(node, struct ws_session, ended)->wsi,
                    PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
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

/* --- the beginning ------------------------------------------------------ */

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

static struct conn *new_conn(struct edge *edge, struct ws_session *session) {
  struct conn *conn = conn_new(edge->protocol->loop, &edge->io, session->wsi);
  conn->watch.fd = lws_get_socket_fd(session->wsi);
  conn->tls = lws_get_ssl(session->wsi);
  conn->headers = headers_pack(session->wsi, edge->config->headers);
  conn->raw = http_is_raw(edge, session->wsi);
  if (session->deflate) {
    conn->deflate = edge->deflate;
    conn->reader.deflate = true;
  }
  return conn;
}

static int on_established(struct lws *wsi, struct ws_session *session) {
  struct edge *edge = edge_of(wsi);
  char address[PROXY_ADDRESS_BYTES];
  pending_end(wsi);
  if (get_client(edge, wsi, address))
    return -1; /* gone already */
  *session = (struct ws_session){.wsi = wsi, .deflate = session->deflate};
  list_init(&session->more);
  list_init(&session->ended);
  session->conn = new_conn(edge, session);
  look_after(session);
  session_open(edge->protocol, session->conn, address);
  login_at_once(edge, session->conn);
  return 0;
}

/* Not within the library's own handling of the handshake. */
static void take_over(struct edge *edge, struct ws_session *session) {
  struct conn *conn = session->conn;
  session->ours = true;
  lws_rx_flow_control(session->wsi, 0);
  if (conn->tls)
    link_prepare(conn->tls);
  if (poller_add(&edge->poller, &conn->watch, EPOLLIN, inbound_ready)) {
    log_warn("conn=%llu cannot be waited for", (unsigned long long)conn->id);
    ws_end(conn);
    return;
  }
  ws_wait(conn);
}

void ws_look_after(struct edge *edge) {
  struct list sessions, *node;
  list_move(&edge->more, &sessions);
  while ((node = list_shift(&sessions))) {
    struct ws_session *session = container_of(node, struct ws_session, more);
    if (!session->ours)
      take_over(edge, session);
    if (!session->paused && !session->done && !list_linked(&session->ended))
      inbound_go_on(edge, session);
  }
}

/* --- the end ------------------------------------------------------------ */

static int on_drop(struct lws *wsi, struct ws_session *session) {
  struct edge *edge = edge_of(wsi);
  struct conn *conn = session->conn;
  if (!conn)
    return 0;
  session->conn = NULL;
  poller_remove(&edge->poller, &conn->watch);
  tcp_forget_unread(conn->watch.fd);
  conn_gone(conn);
  list_remove(&session->more);
  list_remove(&session->ended);
  buf_free(&session->rest);
  if (edge->last == conn)
    edge->last = NULL;
  return 0;
}

/* The library reads no frames: they were sent before the handshake was
 * answered, in one TLS record with the request, or after another one (see
 * edge/pending). RFC 6455, 4.1, does not allow that. */
static int on_early_frame(const struct ws_session *session) {
  if (session->conn)
    log_info("conn=%llu sent frames together with its request",
             (unsigned long long)session->conn->id);
  return -1;
}

int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user,
                void *in, size_t len) {
  switch (reason) {
  case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
    edge_of(wsi)->tls = user; /* at the start, see edge_renew_certificate */
    return 0;
  case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
    edge_adopted(edge_of(wsi), wsi);
    return 0;
  case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
    return http_confirm_upgrade(edge_of(wsi), wsi);
  case LWS_CALLBACK_FILTER_HTTP_CONNECTION:
    pending_request(wsi);
    return 0;
  case LWS_CALLBACK_WSI_DESTROY:
    pending_end(wsi);
    return 0;
  case LWS_CALLBACK_ADD_HEADERS:
    return edge_of(wsi)->deflate ? extension_answer(wsi, user, in) : 0;
  case LWS_CALLBACK_HTTP:
    return http_request(edge_of(wsi), wsi);
  case LWS_CALLBACK_ESTABLISHED:
    return on_established(wsi, user);
  case LWS_CALLBACK_RECEIVE:
    return on_early_frame(user);
  case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
  case LWS_CALLBACK_CLOSED:
    return on_drop(wsi, user);
  default: /* plain HTTP has chores that the library does itself */
    return lws_callback_http_dummy(wsi, reason, user, in, len);
  }
}
