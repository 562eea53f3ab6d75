/* SPDX-License-Identifier: MIT
 * What a worker has for the network. */
#include "edge/edge.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "edge/files.h"
#include "edge/outbound.h"
#include "edge/tls.h"
#include "edge/ws.h"
#include "engine/timings.h"
#include "hub/shed.h"
#include "net/ring.h"
#include "net/tcp.h"
#include "protocol/farewell.h"
#include "protocol/online.h"

#include <openssl/ssl.h>
#include <unistd.h>

enum {
  STALL_TICKS = 4,    /* how often limits.stall_s is looked after in it */
  SOCKETS_MAX = 8192, /* that are no WebSocket, of a worker */
  RELAYS_MAX = 200,   /* requests that the library answers at once */
  LIBRARY_DESCRIPTORS = 256,
  ANSWER_MS = 30000, /* in which the next piece of an answer is taken */
};

/* --- turns of the loop -------------------------------------------------- */

/* That it is active keeps the loop from waiting. */
static void on_unfinished(uv_idle_t *idle) {
  (void)idle;
}

/* That the loop turns is all that it does. */
static void on_beat(uv_timer_t *timer) {
  (void)timer;
}

static bool is_all_done(const struct edge *edge) {
  return list_empty(&edge->sockets.ended) && list_empty(&edge->sockets.more) &&
         list_empty(&edge->door.visitors.fresh) &&
         list_empty(&edge->protocol->manager.gone) &&
         !online_has_more(edge->protocol);
}

/* What a turn took, without the time in which the loop had nothing to do; and
 * as long at most have those waited that were written to in it. */
static void note_turn(struct edge *edge) {
  uv_loop_t *loop = edge->protocol->loop;
  uint64_t now_ns = uv_hrtime(), idle_ns = uv_metrics_idle_time(loop);
  uint64_t gone_ns = now_ns - edge->turn_ns;
  uint64_t free_ns = idle_ns - edge->idle_ns;
  uint64_t busy_ns = gone_ns > free_ns ? gone_ns - free_ns : 0;
  uint64_t writes = edge->protocol->stats.writes;
  if (edge->turn_ns)
    timing_note(edge->turns, busy_ns, 1);
  if (writes > edge->writes)
    timing_note(edge->sockets.deliveries, busy_ns, writes - edge->writes);
  edge->turn_ns = now_ns;
  edge->idle_ns = idle_ns;
  edge->writes = writes;
}

/* Reading comes before closing, so that what is closed by it goes at once; and
 * both come before the farewells, whose hooks send: that leaves with the same
 * turn. Writing is the last, and may be left unfinished (edge/outbound): then
 * the loop does not wait. */
static void on_turn_end(uv_prepare_t *prepare) {
  struct edge *edge = container_of(prepare, struct edge, end_of_turn);
  struct pulse *pulse = &edge->pulse;
  pulse_turn(pulse);
  pulse_doing(pulse, "reading requests of new sockets");
  visitors_look(&edge->door.visitors);
  pulse_doing(pulse, "reading on from connections");
  ws_read_on(&edge->sockets);
  shed_longest(&edge->protocol->manager, uv_now(edge->protocol->loop));
  shed_parked(&edge->protocol->manager);
  pulse_doing(pulse, "closing sockets");
  sockets_close_ended(&edge->sockets);
  pulse_doing(pulse, "saying farewell to connections");
  farewell_say(edge->protocol);
  online_say(edge->protocol);
  pulse_doing(pulse, "writing to connections");
  if (outbound_flush_dirty(&edge->sockets) && is_all_done(edge))
    uv_idle_stop(&edge->unfinished);
  else
    uv_idle_start(&edge->unfinished, on_unfinished);
  note_turn(edge);
  pulse_doing(pulse, "waiting, or serving timers and events");
}

static void on_stall_tick(uv_timer_t *timer) {
  struct edge *edge = container_of(timer, struct edge, stall_tick);
  shed_stalled(&edge->protocol->manager, uv_now(timer->loop),
               (uint64_t)(edge->config->limits_stall_s * 1000.0));
}

static void start_handles(struct edge *edge, uv_loop_t *loop) {
  const struct host *host = &edge->protocol->host;
  edge->turns = timings_of(host->timings, TIMING_TURN, host->worker, "");
  edge->sockets.deliveries =
      timings_of(host->timings, TIMING_DELIVERY, host->worker, "");
  double stall_ms = edge->config->limits_stall_s * 1000.0;
  uint64_t tick_ms = 1 + (uint64_t)stall_ms / STALL_TICKS;
  uv_prepare_init(loop, &edge->end_of_turn);
  uv_prepare_start(&edge->end_of_turn, on_turn_end);
  uv_idle_init(loop, &edge->unfinished);
  uv_timer_init(loop, &edge->stall_tick);
  uv_timer_init(loop, &edge->beat);
  uv_timer_start(&edge->beat, on_beat, PULSE_IDLE_MS, PULSE_IDLE_MS);
  if (stall_ms > 0)
    uv_timer_start(&edge->stall_tick, on_stall_tick, tick_ms, tick_ms);
}

/* --- the parts ---------------------------------------------------------- */

/* Backends that were given the port of the clients. */
static bool is_for_api(const struct request *request) {
  return slice_equals(request->path, "/api/v1") ||
         slice_begins(request->path, "/api/v1/");
}

static void route_request(void *arg, struct visitor *visitor,
                          const struct request *request, struct slice rest) {
  static const struct refusal other = {.status = 405,
                                       .text =
                                           "GET and HEAD are answered here\n",
                                       .headers = "Allow: GET, HEAD\r\n"};
  static const struct refusal api = {
      .status = 404,
      .text = "the HTTP API is not at the port of the clients: it is at "
              "`admin.listen` and at `api.listen`, if there are `api.keys`\n"};
  struct edge *edge = arg;
  visitor->last = visitor->last || edge->pages.draining;
  bool reads = slice_equals(request->method, "GET") ||
               slice_equals(request->method, "HEAD");
  if (reads && upgrade_is_meant(&edge->upgrade, request))
    upgrade_take(&edge->upgrade, visitor, request, rest);
  else if (web_take(&edge->web, visitor, request, rest))
    return;
  else if (is_for_api(request))
    visitor_refuse(visitor, &api);
  else if (reads)
    relay_request(&edge->relays, visitor, request);
  else
    visitor_refuse(visitor, &other);
}

static void open_sockets(struct edge *edge) {
  const struct config *config = edge->config;
  edge->gather = mem_alloc_raw(OUTBOUND_GATHER_BYTES);
  edge->sockets = (struct sockets){.protocol = edge->protocol,
                                   .poller = &edge->poller,
                                   .pulse = &edge->pulse,
                                   .input = edge->input,
                                   .gather = edge->gather,
                                   .wants_ring = config->net_io != NET_EPOLL};
  ws_open(&edge->sockets);
  if (edge->protocol->manager.events)
    ticket_waiter_open(&edge->sockets.settled,
                       edge->protocol->manager.owner.tickets,
                       edge->protocol->loop, outbound_settled, &edge->sockets);
  if (config->deflate_enabled)
    edge->deflate =
        deflate_new((int)config->deflate_level,
                    (size_t)config->deflate_threshold, &edge->protocol->stats);
  edge->sockets.deflate = edge->deflate;
  edge->upgrade = (struct upgrade){.sockets = &edge->sockets,
                                   .protocol = edge->protocol,
                                   .config = config,
                                   .deflate = edge->deflate,
                                   .sha1 = EVP_MD_fetch(NULL, "SHA1", NULL)};
}

static void open_web(struct edge *edge) {
  edge->web = (struct web){.protocol = edge->protocol,
                           .config = edge->config,
                           .believed = &edge->upgrade.believed,
                           .proxies = &edge->upgrade.proxies,
                           .input = edge->input};
  web_open(&edge->web);
}

static bool is_prefaced(void *arg, const char *address) {
  const struct edge *edge = arg;
  return believed_prefaced(edge->config->proxy_header) &&
         proxy_trusted(&edge->upgrade.proxies, address);
}

static void open_door(struct edge *edge, uv_loop_t *loop) {
  double request_ms = edge->config->limits_handshake_timeout_s * 1000.0;
  edge->door = (struct door){.visitors = {.poller = &edge->poller,
                                          .input = edge->input,
                                          .stats = &edge->protocol->stats,
                                          .quiet = &edge->quiet},
                             .request = route_request,
                             .prefaced = is_prefaced,
                             .arg = edge};
  door_open(&edge->door, loop, (uint64_t)request_ms, ANSWER_MS, SOCKETS_MAX);
}

static int open_library(struct edge *edge, uv_loop_t *loop) {
  const struct config *config = edge->config;
  edge->pages.config = config;
  edge->pages.key = edge->protocol->host.key;
  edge->mounts = files_mounts(config->public, config->raw_path, PAGES_PROTOCOL);
  edge->relays = (struct relays){.library = &edge->library,
                                 .poller = &edge->poller,
                                 .input = edge->input,
                                 .max = RELAYS_MAX};
  relays_open(&edge->relays);
  struct library_plan plan = {.name = "perigee",
                              .protocols = pages_protocols,
                              .mounts = edge->mounts,
                              .arg = &edge->pages,
                              .descriptors = LIBRARY_DESCRIPTORS};
  return library_open(&edge->library, loop, &plan);
}

int edge_open(struct edge *edge, struct protocol *protocol, uv_loop_t *loop,
              struct buf *error) {
  const struct config *config = protocol->config;
  edge->protocol = protocol;
  edge->config = config;
  edge->input = mem_alloc_raw(TRANSPORT_BLOCK_BYTES);
  open_sockets(edge);
  open_web(edge);
  open_door(edge, loop);
  start_handles(edge, loop);
  if (poller_open(&edge->poller, loop)) {
    buf_puts(error, "no descriptor is left (raise `ulimit -n`)");
    return ERR_SYSTEM;
  }
  edge->poller.turn = &protocol->host.turn;
  if (proxy_parse(&edge->upgrade.proxies, config->proxy_trusted, error))
    return ERR_CONFIG;
  if (*config->tls_cert) {
    edge->tls = tls_new(config->tls_cert, config->tls_key, error);
    if (!edge->tls)
      return ERR_CONFIG;
  }
  if (!open_library(edge, loop))
    return 0;
  buf_puts(error, "libwebsockets does not start");
  return ERR_SYSTEM;
}

/* --- while it runs ------------------------------------------------------ */

/* All clients of a proxy come from its one address. A TLS handshake costs us
 * more than anything else that a stranger may ask for: so over TLS those are
 * counted here, before it begins, and not when the WebSocket is asked for. */
void edge_adopt_take(struct edge *edge, int fd) {
  static const struct refusal many = {
      .status = 503, .text = "too many TLS handshakes at once: try again\n"};
  const struct config *config = edge->config;
  char address[TCP_ADDRESS_BYTES];
  if (tcp_peer(fd, address)) {
    close(fd);
    return;
  }
  bool proxy = proxy_trusted(&edge->upgrade.proxies, address);
  if (edge->tls && upgrade_take_handshake(&edge->upgrade, address))
    door_turn_away(&edge->door, fd, true, address, &many);
  else
    door_welcome_take(
        &edge->door, fd, edge->tls, address,
        (uint32_t)(proxy ? config->limits_per_proxy : config->limits_per_ip),
        proxy);
}

void edge_configure(struct edge *edge) {
  edge->config = edge->protocol->config;
  edge->upgrade.config = edge->config;
  edge->web.config = edge->config;
  edge->pages.config = edge->config;
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

void edge_drain(struct edge *edge) {
  edge->pages.draining = edge->upgrade.draining = edge->web.draining = true;
}

void edge_close(struct edge *edge) {
  uv_close((uv_handle_t *)&edge->end_of_turn, NULL);
  uv_close((uv_handle_t *)&edge->unfinished, NULL);
  uv_close((uv_handle_t *)&edge->stall_tick, NULL);
  uv_close((uv_handle_t *)&edge->beat, NULL);
  relays_close(&edge->relays);
  visitors_close(&edge->door.visitors);
  sockets_close_all(&edge->sockets);
  if (edge->protocol->manager.events)
    ticket_waiter_close(&edge->sockets.settled);
  library_close(&edge->library);
  poller_close(&edge->poller);
}

void edge_free(struct edge *edge) {
  library_free(&edge->library);
  SSL_CTX_free(edge->tls);
  mem_free(edge->mounts);
  proxy_free(&edge->upgrade.proxies);
  EVP_MD_free(edge->upgrade.sha1);
  web_free(&edge->web);
  deflate_free(edge->deflate);
  ring_free(edge->sockets.ring);
  mem_free(edge->input);
  mem_free(edge->gather);
}
