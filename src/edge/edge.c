/* SPDX-License-Identifier: MIT
 * The libwebsockets context of a worker. */
#include "edge/edge.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "edge/head.h"
#include "edge/http.h"
#include "edge/inbound.h"
#include "edge/outbound.h"
#include "edge/tcp.h"
#include "edge/tls.h"
#include "edge/ws.h"
#include "protocol/session.h"

#include <string.h>
#include <unistd.h>

/* How often limits.stall_s is looked after while it passes. */
enum { STALL_TICKS = 4 };

/* The library allocates a receive buffer for each connection, and never uses
 * it here; with a size of 0 it takes a large one. Without the second size its
 * answer to the upgrade would leave in as small pieces. A client that names no
 * subprotocol gets the first protocol. */
static const struct lws_protocols protocols[] = {
    {.name = "perigee",
     .callback = ws_callback,
     .per_session_data_size = sizeof(struct ws_session),
     .rx_buffer_size = 1,
     .tx_packet_size = 4096},
    {0},
};

/* No timers of the library on idle connections: it keeps them in a sorted
 * list with linear insertion. Ours are in protocol/heartbeat. */
static const lws_retry_bo_t no_idle_policy = {0};

/* What the library calls errors is mostly said about what peers sent. */
static void on_log(int level, const char *line) {
  int len = (int)strcspn(line, "\n");
  (void)level;
  log_debug("libwebsockets: %.*s", len, line);
}

/* That it is active keeps the loop from waiting. */
static void on_unfinished(uv_idle_t *idle) {
  (void)idle;
}

static void on_end_of_turn(uv_prepare_t *prepare) {
  struct edge *edge = container_of(prepare, struct edge, end_of_turn);
  pending_look(&edge->pending);
  ws_look_after(edge);
  backlog_shed(&edge->protocol->manager.backlog, uv_now(edge->protocol->loop));
  ws_close_ended(edge);
  session_reap(edge->protocol);
  if (outbound_flush_dirty(edge) && list_empty(&edge->ended) &&
      list_empty(&edge->protocol->manager.gone) && list_empty(&edge->more))
    uv_idle_stop(&edge->unfinished);
  else
    uv_idle_start(&edge->unfinished, on_unfinished);
}

static void on_stall_tick(uv_timer_t *timer) {
  struct edge *edge = container_of(timer, struct edge, stall_tick);
  backlog_cut_stalled(&edge->protocol->manager.backlog, uv_now(timer->loop),
                      (uint64_t)(edge->config->limits_stall_s * 1000.0));
}

/* For edge->pending. Without a head the library reads it. */
static void adopt(void *arg, struct pending_socket *socket, int fd,
                  const char *head, size_t len) {
  struct edge *edge = arg;
  edge->adopting = socket;
  struct lws *wsi =
      len > 0 ? lws_adopt_socket_vhost_readbuf(edge->vhost, fd, head, len)
              : lws_adopt_socket_vhost(edge->vhost, fd);
  if (!wsi) /* the library has closed the descriptor */
    log_debug("a socket was closed while it was taken over");
  if (edge->adopting)
    pending_free(socket);
  edge->adopting = NULL;
}

void edge_adopted(struct edge *edge, struct lws *wsi) {
  pending_bind(edge->adopting, wsi);
  edge->adopting = NULL;
}

static void start_handles(struct edge *edge, uv_loop_t *loop) {
  double stall_ms = edge->config->limits_stall_s * 1000.0;
  uint64_t tick_ms = 1 + (uint64_t)stall_ms / STALL_TICKS;
  uv_prepare_init(loop, &edge->end_of_turn);
  uv_prepare_start(&edge->end_of_turn, on_end_of_turn);
  uv_idle_init(loop, &edge->unfinished);
  uv_timer_init(loop, &edge->stall_tick);
  if (stall_ms > 0)
    uv_timer_start(&edge->stall_tick, on_stall_tick, tick_ms, tick_ms);
  edge->pending = (struct pending){
      .timeout_ms =
          (uint64_t)(edge->config->limits_handshake_timeout_s * 1000.0),
      .per_address = (uint32_t)edge->config->limits_per_ip,
      .request = adopt,
      .arg = edge,
      .poller = &edge->poller,
      .stats = &edge->protocol->stats,
      .quiet = &edge->quiet,
  };
  pending_init(&edge->pending, loop);
}

/* The library's own deadlines before the upgrade: later than ours. */
static unsigned library_timeout_s(const struct config *config) {
  return 10 + (unsigned)config->limits_handshake_timeout_s;
}

static struct lws_context *new_context(struct edge *edge, uv_loop_t *loop) {
  void *loops[] = {loop};
  struct lws_context_creation_info info = {
      .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                 LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
      .foreign_loops = loops,
      .user = edge,
      .port = CONTEXT_PORT_NO_LISTEN,
      .timeout_secs_ah_idle = library_timeout_s(edge->config),
      .max_http_header_data =
          HEAD_BYTES_MAX, /* as long as there is a request */
      .uid = -1,
      .gid = -1,
      .retry_and_idle_policy = &no_idle_policy,
  };
  lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
  return lws_create_context(&info);
}

static struct lws_vhost *new_vhost(struct edge *edge) {
  const struct config *config = edge->config;
  struct lws_context_creation_info info = {
      .vhost_name = "perigee",
      .port = CONTEXT_PORT_NO_LISTEN_SERVER,
      .protocols = protocols,
      .retry_and_idle_policy = &no_idle_policy,
      .timeout_secs = library_timeout_s(config),
      .alpn = "http/1.1", /* what we write has no meaning inside HTTP/2 */
      .server_string = "perigee",
      .mounts = http_mounts(edge),
  };
  if (*config->tls_cert) { /* without the option it would speak plain text */
    info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.ssl_cert_filepath = config->tls_cert;
    info.ssl_private_key_filepath = config->tls_key;
    info.ssl_options_set = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1;
  }
  return lws_create_vhost(edge->context, &info);
}

int edge_open(struct edge *edge, struct protocol *protocol, uv_loop_t *loop,
              struct buf *error) {
  const struct config *config = protocol->config;
  edge->protocol = protocol;
  edge->config = config;
  edge->io = ws_io;
  list_init(&edge->dirty);
  list_init(&edge->more);
  list_init(&edge->ended);
  edge->input = mem_alloc_raw(INBOUND_BYTES);
  edge->gather = mem_alloc_raw(OUTBOUND_GATHER_BYTES);
  if (config->deflate_enabled)
    edge->deflate =
        deflate_new((int)config->deflate_level,
                    (size_t)config->deflate_threshold, &protocol->stats);
  start_handles(edge, loop);
  if (poller_open(&edge->poller, loop)) {
    buf_puts(error, "no descriptor is left (raise `ulimit -n`)");
    return ERR_SYSTEM;
  }
  edge->poller.turn = &protocol->host.turn;
  if (proxy_parse(&edge->proxies, config->proxy_trusted, error))
    return ERR_CONFIG;
  if (*config->tls_cert && tls_check(config->tls_cert, config->tls_key, error))
    return ERR_CONFIG;
  edge->context = new_context(edge, loop);
  if (edge->context)
    edge->vhost = new_vhost(edge);
  if (edge->vhost)
    return 0;
  buf_puts(error, "libwebsockets does not start");
  return ERR_SYSTEM;
}

/* All clients of a proxy come from its one address. */
static bool may_add(struct edge *edge, const char *address) {
  return proxy_trusted(&edge->proxies, address) ||
         pending_may_add(&edge->pending, address);
}

void edge_adopt_take(struct edge *edge, int fd) {
  char address[TCP_ADDRESS_BYTES];
  if (tcp_peer(fd, address) || !may_add(edge, address)) {
    close(fd);
    return;
  }
  struct pending_socket *socket = pending_add(&edge->pending, address);
  if (*edge->config->tls_cert)
    adopt(edge, socket, fd, NULL, 0);
  else
    pending_wait(socket, fd);
}

void edge_configure(struct edge *edge) {
  edge->config = edge->protocol->config;
  edge->pending.per_address = (uint32_t)edge->config->limits_per_ip;
}

void edge_renew_certificate(struct edge *edge) {
  struct buf text = {0};
  if (!edge->tls)
    return;
  int result = tls_renew(edge->tls, edge->config->tls_cert,
                         edge->config->tls_key, &text);
  edge->protocol->stats.certificates += result == TLS_RENEWED;
  if (result == TLS_RENEWED)
    log_info("new certificate, valid until %.*s", (int)text.len, text.data);
  else if (result)
    log_error("the old certificate stays: %.*s", (int)text.len, text.data);
  buf_free(&text);
}

void edge_close(struct edge *edge) {
  uv_close((uv_handle_t *)&edge->end_of_turn, NULL);
  uv_close((uv_handle_t *)&edge->unfinished, NULL);
  uv_close((uv_handle_t *)&edge->stall_tick, NULL);
  pending_close(&edge->pending);
  if (edge->context)
    lws_context_destroy(edge->context);
  poller_close(&edge->poller);
}

void edge_free(struct edge *edge) {
  /* On a foreign loop the first call only starts it; the handles are closed
   * by now, and the second call frees. */
  if (edge->context)
    lws_context_destroy(edge->context);
  http_mounts_free(edge);
  proxy_free(&edge->proxies);
  deflate_free(edge->deflate);
  mem_free(edge->input);
  mem_free(edge->gather);
}
