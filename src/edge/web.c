/* SPDX-License-Identifier: MIT
 * Requests that scripts answer: who may ask, and the body. */
#include "edge/web.h"

#include "config/config.h"
#include "edge/cors.h"
#include "edge/door.h"
#include "edge/files.h"
#include "edge/web_exchange.h"
#include "hub/rates.h"

#include <string.h>

enum {
  EXCHANGES_MAX = 1000, /* under way at once, of a worker */
  SHARE = 8,            /* an eighth of all may be an address's, */
  CROWD_SHARE = 2,      /* or half, if it stands for many clients */
  MEMORY_PART = 4,      /* of script.memory_mb: for bodies and answers */
  SPARE_BYTES = 65536,  /* beside one body, which always has room */
};

/* --- no ----------------------------------------------------------------- */

/* Pages may read why. */
static void refuse_as(struct web *web, struct visitor *visitor,
                      const struct request *request, struct problem *problem) {
  struct buf cors = {0};
  cors_put(&cors, web->config, request);
  web_refuse(web, visitor,
             (struct slice){cors.len > 0 ? cors.data : "", cors.len}, problem);
  buf_free(&cors);
}

static void refuse_web(struct web *web, struct visitor *visitor,
                       const struct request *request, enum err err,
                       unsigned retry_s, const char *detail) {
  struct problem problem;
  problem_set(&problem, err, "%s", detail);
  problem.retry_s = retry_s;
  refuse_as(web, visitor, request, &problem);
}

static void refuse_web_method(struct web *web, struct visitor *visitor,
                              const struct request *request,
                              const struct web_route *route) {
  struct problem problem;
  struct buf allow = {0};
  buf_puts(&allow, "Allow: ");
  web_route_put(route, &allow);
  buf_puts(&allow, "\r\n");
  buf_putc(&allow, 0);
  problem_set(&problem, ERR_BAD_REQUEST,
              "no handler at this path is for this method");
  problem.status = 405;
  problem.headers = allow.data;
  refuse_as(web, visitor, request, &problem);
  buf_free(&allow);
}

/* --- who may ask -------------------------------------------------------- */

static size_t room_of_part(const struct web *web, uint32_t part) {
  const struct config *config = web->config;
  size_t all = ((size_t)config->script_memory_mb << 20) / MEMORY_PART;
  size_t one = (size_t)config->http_body_bytes + SPARE_BYTES;
  return all / part > one ? all / part : one;
}

/* What is under way, of one address. */
struct web_load {
  uint32_t count;
  size_t bytes;
};

static struct web_load load_of(const struct web *web, const char *network) {
  struct web_load load = {0};
  LIST_FOREACH (it, &web->exchanges) {
    struct web_exchange *exchange = container_of(it, struct web_exchange, node);
    if (strcmp(exchange->network, network) != 0)
      continue;
    load.count++;
    load.bytes += exchange->held;
  }
  return load;
}

static uint32_t part_of(const struct visitor *visitor, const char *ip) {
  bool crowd = visitor->crowd && !strcmp(ip, visitor->socket.ip);
  return crowd ? CROWD_SHARE : SHARE;
}

/* Whether there is room for one more. While few are under way, nobody can have
 * his share, and nobody is counted. */
static bool has_web_room(const struct web *web, const struct visitor *visitor,
                         const char *ip, const char *network) {
  uint32_t part = part_of(visitor, ip);
  uint32_t most = EXCHANGES_MAX / part;
  size_t most_bytes = room_of_part(web, part);
  if (web->count >= EXCHANGES_MAX || web->bytes >= room_of_part(web, 1))
    return false;
  if (web->count < most && web->bytes < most_bytes)
    return true;
  struct web_load load = load_of(web, network);
  return load.count < most && load.bytes < most_bytes;
}

/* Whether one that has grown still has room. */
static bool has_body_room(const struct web_exchange *exchange) {
  const struct web *web = exchange->web;
  size_t most = room_of_part(web, part_of(exchange->visitor, exchange->ip));
  return web->bytes <= most || (web->bytes <= room_of_part(web, 1) &&
                                load_of(web, exchange->network).bytes <= most);
}

/* Milliseconds until the address may ask again; 0: now. `handler` is NULL for
 * OPTIONS. */
static uint32_t take_web_rate(struct web *web, const struct handler *handler,
                              const char *network) {
  struct protocol *protocol = web->protocol;
  if (!handler || handler->rate <= 0)
    return 0;
  return rates_take(protocol->rates, handler->name, network, handler->rate,
                    handler->burst, uv_now(protocol->loop));
}

/* False: it has been refused. */
static bool admit_web(struct web *web, struct visitor *visitor,
                      const struct request *request,
                      const struct handler *handler, const char *ip) {
  char network[NETWORK_BYTES];
  network_of(ip, network);
  if (!cors_may_ask(web->config, request)) {
    refuse_web(web, visitor, request, ERR_FORBIDDEN, 0,
               "this page may not ask: its origin is not in `origins`");
    return false;
  }
  uint32_t wait_ms = take_web_rate(web, handler, network);
  if (wait_ms > 0)
    refuse_web(web, visitor, request, ERR_RATE_LIMITED, (wait_ms + 999) / 1000,
               "this path has a rate");
  else if (!has_web_room(web, visitor, ip, network))
    refuse_web(web, visitor, request, ERR_OVERLOADED, 1,
               "too many requests are under way");
  else if (request->length > web->config->http_body_bytes)
    refuse_web(web, visitor, request, ERR_TOO_LARGE, 0,
               "the body is larger than `http.body_bytes`");
  else
    return true;
  return false;
}

/* --- the body ----------------------------------------------------------- */

static void refuse_body(struct web_exchange *exchange, enum err err,
                        unsigned status, const char *detail) {
  struct problem problem;
  problem_set(&problem, err, "%s", detail);
  problem.status = status;
  struct slice cors = {exchange->cors.len > 0 ? exchange->cors.data : "",
                       exchange->cors.len};
  web_refuse(exchange->web, exchange->visitor, cors, &problem);
}

/* A piece of it makes room for another moment of time. */
static void note_body(struct web_exchange *exchange, size_t len) {
  enum { MOVED_BYTES_MIN = 65536 };
  web_exchange_hold(exchange, len);
  exchange->moved += len;
  if (exchange->moved < MOVED_BYTES_MIN)
    return;
  exchange->moved = 0;
  pending_wait(&exchange->visitor->socket, PENDING_REQUEST);
}

/* Whether more of it has to come. Else the exchange may be gone. */
static bool take_web_body(struct web_exchange *exchange, struct slice in) {
  enum body_result result;
  struct slice piece;
  do {
    result = body_read(&exchange->body, &in, &piece);
    buf_put(&exchange->content, piece.at, piece.len);
    note_body(exchange, piece.len);
  } while (result == BODY_MORE && in.len > 0);
  bool more = result == BODY_MORE;
  if (more && has_body_room(exchange))
    return true;
  if (more) {
    refuse_body(exchange, ERR_OVERLOADED, 503, "too many bodies are under way");
  } else if (result == BODY_BAD) {
    refuse_body(exchange, ERR_BAD_REQUEST, 400,
                "the body is not in the chunks of RFC 9112");
  } else if (result == BODY_LARGE) {
    refuse_body(exchange, ERR_TOO_LARGE, 413,
                "the body is larger than `http.body_bytes`");
  } else {
    buf_put(&exchange->ahead, in.at, in.len);
    web_exchange_run(exchange);
  }
  return false;
}

static void read_web_body(struct web_exchange *exchange) {
  struct visitor *visitor = exchange->visitor;
  const char *input = (const char *)exchange->web->input;
  ssize_t n;
  while ((n = transport_read(&visitor->transport, exchange->web->input,
                             TRANSPORT_BLOCK_BYTES)) > 0)
    if (!take_web_body(exchange, (struct slice){input, (size_t)n}))
      return;
  if (n < 0)
    visitor_free(visitor);
  else
    visitor_want(visitor, EPOLLIN);
}

/* RFC 9110, 10.1.1. A socket that takes no such line is broken, and that is
 * noticed elsewhere. */
static void tell_to_go_on(struct web_exchange *exchange,
                          const struct request *request) {
  static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
  if (request->minor > 0 && request_has_word(request, "expect", "100-continue"))
    (void)!transport_write(&exchange->visitor->transport, go_on,
                           sizeof go_on - 1);
}

/* --- events ------------------------------------------------------------- */

static void on_web_ready(struct visitor *visitor, uint32_t events) {
  struct web_exchange *exchange = visitor->loan;
  switch (exchange->state) {
  case WEB_BODY:
    read_web_body(exchange);
    break;
  case WEB_RUNS: /* nothing is waited for but the end of the peer */
    visitor_free(visitor);
    break;
  case WEB_ANSWERS:
    if (events & EPOLLOUT)
      web_exchange_write(exchange);
    else
      visitor_free(visitor);
    break;
  }
}

static bool on_web_due(struct visitor *visitor) {
  struct web_exchange *exchange = visitor->loan;
  if (exchange->state == WEB_BODY)
    refuse_body(exchange, ERR_BAD_REQUEST, 408,
                "the body did not come in time");
  else if (exchange->state == WEB_RUNS) /* until its own timeout is over */
    pending_wait(&visitor->socket, PENDING_ANSWER);
  else
    return false;
  return true;
}

/* --- requests ----------------------------------------------------------- */

static void begin_web(struct web *web, struct visitor *visitor,
                      const struct request *request, struct slice rest,
                      const char *ip) {
  static const struct answerer answerer = {
      .ready = on_web_ready, .due = on_web_due, .over = web_exchange_over};
  struct web_exchange *exchange =
      web_exchange_new(web, visitor, request, rest.at, ip);
  bool waits = request->chunked || request->length > rest.len;
  struct buf came = {0}; /* the visitor's own bytes go with the loan */
  buf_put(&came, rest.at, rest.len);
  body_begin(&exchange->body, request, (size_t)web->config->http_body_bytes);
  pending_wait(&visitor->socket, waits ? PENDING_REQUEST : PENDING_ANSWER);
  if (waits && rest.len == 0)
    tell_to_go_on(exchange, request);
  visitor_lend(visitor, &answerer, exchange);
  if (take_web_body(exchange,
                    (struct slice){came.len > 0 ? came.data : "", came.len}))
    read_web_body(exchange);
  buf_free(&came);
}

bool web_take(struct web *web, struct visitor *visitor,
              const struct request *request, struct slice rest) {
  struct web_route route;
  char ip[PROXY_ADDRESS_BYTES];
  if (files_is_own(request->path) ||
      !web_route_find(&route, web->protocol->host.live, request))
    return false;
  bool reads = slice_equals(request->method, "GET") ||
               slice_equals(request->method, "HEAD");
  if (!route.handler && reads && !route.exact && *web->config->public)
    return false; /* a file may be there */
  visitor->last = door_is_last(visitor, request) || web->draining;
  believed_client(web->believed, web->proxies, visitor, request, ip);
  if (!route.handler && !slice_equals(request->method, "OPTIONS"))
    refuse_web_method(web, visitor, request, &route);
  else if (admit_web(web, visitor, request, route.handler, ip))
    begin_web(web, visitor, request, rest, ip);
  return true;
}

/* --- life --------------------------------------------------------------- */

void web_open(struct web *web) {
  list_init(&web->exchanges);
}

void web_free(struct web *web) {
  gzip_free(web->gzip);
}
