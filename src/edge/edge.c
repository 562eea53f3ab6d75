/* SPDX-License-Identifier: MIT
 * What a worker has for the network. */
#include "edge/edge.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "edge/http.h"
#include "edge/inbound.h"
#include "edge/outbound.h"
#include "edge/tcp.h"
#include "edge/tls.h"
#include "edge/ws.h"
#include "hub/shed.h"
#include "protocol/farewell.h"

#include <string.h>
#include <unistd.h>

enum {
  STALL_TICKS = 4,    /* how often limits.stall_s is looked after in it */
  SOCKETS_MAX = 8192, /* that are no WebSocket, of a worker */
  RELAYS_MAX = 200,   /* requests that the library answers at once */
  LIBRARY_DESCRIPTORS = 256, /* its table has as many, not `ulimit -n` */
  ANSWER_MS = 30000,         /* in which the next piece of an answer is taken */
  HEADERS_BYTES = 16384,     /* more than edge/relay writes */
};

static const struct lws_protocols protocols[] = {
    {.name = "perigee", .callback = http_callback},
    {0},
};

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

/* That the loop turns is all that it does. */
static void on_beat(uv_timer_t *timer) {
  (void)timer;
}

static void on_end_of_turn(uv_prepare_t *prepare) {
  struct edge *edge = container_of(prepare, struct edge, end_of_turn);
  struct pulse *pulse = &edge->pulse;
  pulse_turn(pulse);
  pulse_doing(pulse, "reading requests of new sockets");
  door_look(&edge->door);
  pulse_doing(pulse, "reading on from connections");
  ws_look_after(edge);
  shed_longest(&edge->protocol->manager, uv_now(edge->protocol->loop));
  pulse_doing(pulse, "closing sockets");
  ws_close_ended(edge);
  pulse_doing(pulse, "saying farewell to connections");
  farewell_say(edge->protocol);
  pulse_doing(pulse, "writing to connections");
  if (outbound_flush_dirty(edge) && list_empty(&edge->ended) &&
      list_empty(&edge->protocol->manager.gone) && list_empty(&edge->more))
    uv_idle_stop(&edge->unfinished);
  else
    uv_idle_start(&edge->unfinished, on_unfinished);
  pulse_doing(pulse, "waiting, or serving timers and events");
}

static void on_stall_tick(uv_timer_t *timer) {
  struct edge *edge = container_of(timer, struct edge, stall_tick);
  shed_stalled(&edge->protocol->manager, uv_now(timer->loop),
               (uint64_t)(edge->config->limits_stall_s * 1000.0));
}

static void start_handles(struct edge *edge, uv_loop_t *loop) {
  double stall_ms = edge->config->limits_stall_s * 1000.0;
  uint64_t tick_ms = 1 + (uint64_t)stall_ms / STALL_TICKS;
  uv_prepare_init(loop, &edge->end_of_turn);
  uv_prepare_start(&edge->end_of_turn, on_end_of_turn);
  uv_idle_init(loop, &edge->unfinished);
  uv_timer_init(loop, &edge->stall_tick);
  uv_timer_init(loop, &edge->beat);
  uv_timer_start(&edge->beat, on_beat, PULSE_IDLE_MS, PULSE_IDLE_MS);
  if (stall_ms > 0)
    uv_timer_start(&edge->stall_tick, on_stall_tick, tick_ms, tick_ms);
  edge->door = (struct door){
      .relay_max = RELAYS_MAX,
      .poller = &edge->poller,
      .input = edge->input,
      .stats = &edge->protocol->stats,
      .quiet = &edge->quiet,
      .request = http_route,
      .arg = edge,
  };
  door_open(&edge->door, loop,
            (uint64_t)(edge->config->limits_handshake_timeout_s * 1000.0),
            ANSWER_MS, SOCKETS_MAX);
}

static struct lws_context *new_context(struct edge *edge, uv_loop_t *loop) {
  void *loops[] = {loop};
  struct lws_context_creation_info info = {
      .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
      .foreign_loops = loops,
      .user = edge,
      .port = CONTEXT_PORT_NO_LISTEN,
      .max_http_header_data = HEADERS_BYTES,
      .fd_limit_per_thread = LIBRARY_DESCRIPTORS,
      .uid = -1,
      .gid = -1,
  };
  lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
  return lws_create_context(&info);
}

static struct lws_vhost *new_vhost(struct edge *edge) {
  struct lws_context_creation_info info = {
      .vhost_name = "perigee",
      .port = CONTEXT_PORT_NO_LISTEN_SERVER,
      .protocols = protocols,
      .server_string = "perigee",
      .mounts = http_mounts(edge),
  };
  return lws_create_vhost(edge->context, &info);
}

int edge_open(struct edge *edge, struct protocol *protocol, uv_loop_t *loop,
              struct buf *error) {
  const struct config *config = protocol->config;
  edge->protocol = protocol;
  edge->config = config;
  edge->io = ws_io;
  list_init(&edge->sessions);
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
  if (*config->tls_cert) {
    edge->tls = tls_new(config->tls_cert, config->tls_key, error);
    if (!edge->tls)
      return ERR_CONFIG;
  }
  edge->context = new_context(edge, loop);
  if (edge->context)
    edge->door.vhost = new_vhost(edge);
  if (edge->door.vhost)
    return 0;
  buf_puts(error, "libwebsockets does not start");
  return ERR_SYSTEM;
}

uint32_t edge_take_handshake(struct edge *edge, const char *address) {
  const struct bus *bus = edge->protocol->manager.bus;
  bool proxy = proxy_trusted(&edge->proxies, address);
  uint32_t wait_ms =
      handshakes_take(&edge->handshakes, edge->config, bus ? bus->workers : 1,
                      proxy ? NULL : address, uv_now(edge->protocol->loop));
  if (wait_ms)
    edge->protocol->stats.handshakes_refused++;
  return wait_ms;
}

/* All clients of a proxy come from its one address. */
void edge_adopt_take(struct edge *edge, int fd) {
  static const struct refusal many = {
      .status = 503, .text = "too many TLS handshakes at once: try again\n"};
  const struct config *config = edge->config;
  char address[TCP_ADDRESS_BYTES];
  if (tcp_peer(fd, address)) {
    close(fd);
    return;
  }
  bool proxy = proxy_trusted(&edge->proxies, address);
  if (edge->tls && edge_take_handshake(edge, address))
    door_turn_away(&edge->door, fd, true, address, &many);
  else
    door_welcome_take(
        &edge->door, fd, edge->tls, address,
        (uint32_t)(proxy ? config->limits_per_proxy : config->limits_per_ip));
}

void edge_configure(struct edge *edge) {
  edge->config = edge->protocol->config;
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
  uv_close((uv_handle_t *)&edge->beat, NULL);
  door_close(&edge->door);
  ws_close_all(edge);
  if (edge->context)
    lws_context_destroy(edge->context);
  poller_close(&edge->poller);
}

void edge_free(struct edge *edge) {
  /* On a foreign loop the first call only starts it; the handles are closed
   * by now, and the second call frees. */
  if (edge->context)
    lws_context_destroy(edge->context);
  SSL_CTX_free(edge->tls);
  http_mounts_free(edge);
  proxy_free(&edge->proxies);
  deflate_free(edge->deflate);
  mem_free(edge->input);
  mem_free(edge->gather);
}
