/* SPDX-License-Identifier: MIT
 * Requests to the API. */
#include "api/service.h"

#include "api/console.h"
#include "api/history.h"
#include "api/http_answer.h"
#include "api/lines.h"
#include "api/question.h"
#include "api/tracing.h"
#include "api/url.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/network.h"

#include <stdio.h>
#include <string.h>

enum {
  CONNECTIONS_MAX = 1024,
  REFUSALS_PER_S = 10, /* 401, of one address */
};

/* --- the call ----------------------------------------------------------- */

/* The first answer, again. */
static void answer_again(struct http_conn *conn,
                         const struct repeat_answer *answer) {
  struct http_head head = {.status = answer->status,
                           .type = answer->problem ? "application/problem+json"
                                                   : "application/json",
                           .headers = "Idempotent-Replayed: true\r\n"};
  http_answer(conn, &head, answer->body);
  exchange_drop(conn);
}

/* Whether the request was answered because it is a repeat. */
static bool answer_repeat(struct api_service *service, struct http_conn *conn,
                          struct slice body) {
  struct exchange *exchange = conn->exchange;
  struct repeat_answer answer;
  struct problem problem;
  if (!*exchange->repeat)
    return false;
  struct slice key = {exchange->repeat, strlen(exchange->repeat)};
  repeat_print((struct slice){exchange->target.data, exchange->target.len},
               body, exchange->print);
  switch (repeats_find(&service->repeats, exchange->key, exchange->call->name,
                       key, exchange->print, uv_now(service->http.tick.loop),
                       &answer)) {
  case REPEAT_NEW:
    return false;
  case REPEAT_SAME:
    answer_again(conn, &answer);
    return true;
  case REPEAT_BUSY:
    problem_set(&problem, ERR_TRY_LATER,
                "the first request with this Idempotency-Key is not answered "
                "yet");
    problem.status = 409;
    exchange_refuse(service, conn, &problem);
    return true;
  case REPEAT_OTHER:
    break;
  }
  problem_set(&problem, ERR_BAD_REQUEST,
              "this Idempotency-Key was used with another path or body");
  problem.status = 422;
  exchange_refuse(service, conn, &problem);
  return true;
}

static bool read_call_args(struct api_service *service,
                           const struct exchange *exchange, struct slice body,
                           struct api_args *args, struct problem *problem) {
  const struct api_call *call = exchange->call;
  struct slice path = {exchange->target.data, exchange->path_len};
  *args = (struct api_args){0};
  if (!strcmp(call->method, "GET"))
    return api_url_read(
        args, &call->wants, call->path, path,
        (struct slice){path.at + path.len, exchange->target.len - path.len},
        &service->scratch, problem);
  return api_args_read(args, &call->wants, body, &service->scratch, problem);
}

static void make_call(struct api_service *service, struct http_conn *conn,
                      struct slice body) {
  struct exchange *exchange = conn->exchange;
  struct api_context context = exchange_context(service, exchange);
  struct buf *out = &service->text;
  struct api_args args;
  struct problem problem = {0};
  buf_reset(out, API_OUTPUT_BYTES);
  if (read_call_args(service, exchange, body, &args, &problem) &&
      exchange->call->run(&context, &args, out, &problem)) {
    struct repeat_answer answer = {.status = 200,
                                   .body = {out->data, out->len}};
    exchange_keep(service, exchange, &answer);
    exchange_answer(service, conn, answer.body);
  } else {
    exchange_keep_problem(service, exchange, &problem);
    exchange_refuse(service, conn, &problem);
  }
}

static void on_api_whole(void *arg, struct http_conn *conn) {
  struct api_service *service = arg;
  struct exchange *exchange = conn->exchange;
  struct slice body = {exchange->body.len > 0 ? exchange->body.data : "",
                       exchange->body.len};
  if (exchange->call->kind == API_LINES)
    lines_end(service, conn);
  else if (answer_repeat(service, conn, body))
    return;
  else if (exchange->call->kind == API_SCRIPTS)
    question_begin(service, conn, body);
  else if (exchange->call->kind == API_HISTORY)
    history_begin(service, conn);
  else if (exchange->call->kind == API_TRACE)
    tracing_begin(service, conn);
  else
    make_call(service, conn, body);
}

static void on_api_piece(void *arg, struct http_conn *conn,
                         struct slice piece) {
  struct exchange *exchange = conn->exchange;
  if (exchange->call->kind == API_LINES)
    lines_take(arg, conn, &piece);
  else
    buf_put(&exchange->body, piece.at, piece.len);
}

/* --- the head ----------------------------------------------------------- */

/* Nobody learns which it was. */
bool api_service_refuse_key(struct api_service *service, struct http_conn *conn,
                            struct problem *problem) {
  char network[NETWORK_BYTES];
  conn->last = true; /* a place is for those who have a key */
  network_of(conn->ip, network);
  uint32_t wait_ms =
      rates_take(&service->refusals, "401", network, REFUSALS_PER_S,
                 REFUSALS_PER_S, uv_now(service->http.tick.loop));
  if (wait_ms > 0) {
    problem_set(problem, ERR_RATE_LIMITED, "too many requests without a key");
    problem->retry_s = 1;
    return false;
  }
  problem_set(problem, ERR_UNAUTHENTICATED,
              "`Authorization: Bearer` needs one of api.keys");
  problem->headers = "WWW-Authenticate: Bearer realm=\"perigee\"\r\n";
  return false;
}

static bool take_repeat(const struct request *request,
                        struct exchange *exchange, struct problem *problem) {
  const struct slice *key = request_field(request, "idempotency-key");
  if (!key)
    return true;
  if (!repeat_key_ok(*key) ||
      !slice_copy(*key, exchange->repeat, sizeof exchange->repeat))
    return problem_set(problem, ERR_BAD_REQUEST,
                       "Idempotency-Key has 1 to %d printable characters",
                       REPEAT_KEY_BYTES);
  return true;
}

/* The answer to a batch is not kept. */
static bool check_repeat(const struct exchange *exchange,
                         struct problem *problem) {
  return exchange->call->kind != API_LINES || !*exchange->repeat ||
         problem_set(problem, ERR_BAD_REQUEST,
                     "a batch takes no Idempotency-Key");
}

static void keep_target(struct exchange *exchange,
                        const struct request *request) {
  struct slice path = slice_after(request->path, strlen(API_ROOT));
  exchange->path_len = path.len;
  buf_put(&exchange->target, path.at, path.len);
  buf_put(&exchange->target, request->query.at, request->query.len);
}

static bool is_trace(const struct request *request) {
  return slice_equals(request->path, API_ROOT "/trace");
}

/* Whose request it is: by its key, or as one of the console's page. */
static bool find_caller(struct api_service *service,
                        const struct http_conn *conn,
                        const struct request *request, struct api_key *key) {
  const struct slice *field = request_field(request, "authorization");
  const struct api_key *found = api_keys_find(service->keys, field);
  if (!found && is_trace(request) && conn->origin == API_ORIGIN_ADMIN)
    found = console_developer(service, conn, request);
  if (found)
    *key = *found;
  return found || (!field && conn->origin == API_ORIGIN_ADMIN &&
                   console_is_page(&service->sessions, request, key));
}

/* Begins the exchange. False with a problem. */
static bool begin_exchange(struct api_service *service, struct http_conn *conn,
                           const struct request *request,
                           struct problem *problem) {
  struct api_key key;
  if (!find_caller(service, conn, request, &key))
    return api_service_refuse_key(service, conn, problem);
  const struct api_call *call = api_call_find(request, problem);
  if (!call)
    return false;
  struct exchange *exchange = mem_alloc(sizeof *exchange);
  conn->exchange = exchange;
  exchange->call = call;
  exchange->groups = key.groups;
  memcpy(exchange->key, key.name, sizeof exchange->key);
  if (!api_call_allowed(call, exchange->key, key.groups, problem) ||
      !take_repeat(request, exchange, problem) ||
      !check_repeat(exchange, problem))
    return false;
  keep_target(exchange, request);
  http_expect(conn, request,
              call->kind == API_LINES ? BATCH_BYTES_MAX
                                      : service->config->http_body_bytes);
  return true;
}

static bool is_foreign_request(const struct http_conn *conn,
                               const struct request *request) {
  return conn->origin == API_ORIGIN_ADMIN &&
         !slice_begins(request->path, "/api/") && !console_is_asked(request);
}

static void give_conn_away(void *arg, struct http_conn *conn) {
  struct api_service *service = arg;
  struct slice rest;
  int fd = http_give_away(conn, &rest);
  service->foreign(service->arg, fd, conn->ip, rest);
}

static void on_api_head(void *arg, struct http_conn *conn,
                        const struct request *request) {
  struct api_service *service = arg;
  struct problem problem = {0};
  if (conn->origin == API_ORIGIN_ADMIN && console_is_asked(request))
    console_answer(service, conn, request);
  else if (!begin_exchange(service, conn, request, &problem))
    exchange_refuse(service, conn, &problem);
}

static void on_api_wrong(void *arg, struct http_conn *conn, unsigned status,
                         const char *text) {
  struct problem problem;
  problem_set(&problem, status == 413 ? ERR_TOO_LARGE : ERR_BAD_REQUEST, "%.*s",
              (int)strcspn(text, "\n"), text);
  problem.status = status;
  if (conn->streams)
    lines_break(arg, conn, &problem);
  else
    exchange_refuse(arg, conn, &problem);
}

static void on_api_gone(void *arg, struct http_conn *conn) {
  struct api_service *service = arg;
  exchange_drop(conn);
  service->figures.connections = service->http.count - 1;
}

static const struct http_service api_http = {.is_foreign = is_foreign_request,
                                             .give_away = give_conn_away,
                                             .head = on_api_head,
                                             .piece = on_api_piece,
                                             .must_wait = lines_must_wait,
                                             .late = question_late,
                                             .whole = on_api_whole,
                                             .wrong = on_api_wrong,
                                             .gone = on_api_gone};

/* --- life --------------------------------------------------------------- */

void api_service_open(struct api_service *service, const struct config *config,
                      struct poller *poller, uv_loop_t *loop) {
  service->http = (struct http){.service = &api_http,
                                .arg = service,
                                .poller = poller,
                                .max = CONNECTIONS_MAX,
                                .output_max = API_OUTPUT_BYTES};
  http_open(&service->http, loop);
  tracing_open(service, loop);
  repeats_init(&service->repeats);
  rates_init(&service->refusals);
  console_sessions_init(&service->sessions);
  mailbox_init(&service->answers, loop, question_answered);
  turn_init(&service->turn, loop);
  engine_attach(service->engine, service->bus->workers, &service->turn);
  api_service_configure_take(service, config_ref(config));
}

void api_service_configure_take(struct api_service *service,
                                const struct config *config) {
  double request_ms = config->limits_handshake_timeout_s * 1000.0;
  config_free(service->config);
  api_keys_free(service->keys);
  service->config = config;
  service->keys = api_keys_new(config->api_keys);
  console_sessions_review(&service->sessions, service->keys);
  service->http.request_ms = (uint64_t)request_ms;
  tracing_check_keys(service);
}

/* What the workers have answered at their ends is told first. */
void api_service_close(struct api_service *service) {
  mailbox_receive_all(&service->answers);
  http_close(&service->http);
  tracing_close(service);
  mailbox_close(&service->answers);
  engine_detach(service->engine, service->bus->workers);
  turn_close(&service->turn);
}

void api_service_free(struct api_service *service) {
  struct list *node;
  while ((node = list_shift(&service->answers.letters)))
    question_drop(node);
  mailbox_free(&service->answers);
  repeats_free(&service->repeats);
  rates_free(&service->refusals);
  console_sessions_free(&service->sessions);
  api_keys_free(service->keys);
  config_free(service->config);
  buf_free(&service->scratch);
  buf_free(&service->text);
}

/* --- figures ------------------------------------------------------------ */

static void print_row(struct buf *out, const char *call, const char *result,
                      uint64_t count) {
  buf_printf(out,
             "perigee_api_requests_total{call=\"%s\",result=\"%s\"} %llu\n",
             call, result, (unsigned long long)count);
}

void api_service_print(const struct api_service *service, struct buf *out) {
  const struct api_figures *figures = &service->figures;
  buf_puts(out, "# HELP perigee_api_requests_total requests to the HTTP API\n"
                "# TYPE perigee_api_requests_total counter\n");
  for (size_t i = 0; i < api_call_count; i++) {
    print_row(out, api_calls[i].name, "ok", figures->done[i]);
    print_row(out, api_calls[i].name, "problem", figures->failed[i]);
  }
  print_row(out, "", "refused", figures->refused);
  buf_printf(out,
             "# HELP perigee_api_connections connections to the HTTP API\n"
             "# TYPE perigee_api_connections gauge\n"
             "perigee_api_connections %llu\n",
             (unsigned long long)figures->connections);
  buf_printf(out,
             "# HELP perigee_console_sessions_total sessions of the console "
             "that were begun\n"
             "# TYPE perigee_console_sessions_total counter\n"
             "perigee_console_sessions_total %llu\n",
             (unsigned long long)figures->entered);
  board_print(service->board, out);
}
