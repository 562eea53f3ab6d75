/* SPDX-License-Identifier: MIT
 * Requests to the API. */
#include "api/service.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/network.h"

#include <stdio.h>
#include <string.h>

enum {
  CONNECTIONS_MAX = 1024,
  OUTPUT_BYTES_MAX = 1024 * 1024, /* of answers, before no more is read */
  REFUSALS_PER_S = 10,            /* 401, of one address */
};

/* A request whose head was taken, until it is answered. */
struct exchange {
  const struct api_call *call;
  char key[API_KEY_NAME_BYTES + 1];
  char repeat[REPEAT_KEY_BYTES + 1]; /* Idempotency-Key, or empty */
  struct buf body;
};

static void drop_exchange(struct http_conn *conn) {
  struct exchange *exchange = conn->exchange;
  if (!exchange)
    return;
  conn->exchange = NULL;
  buf_free(&exchange->body);
  mem_free(exchange);
}

/* --- answers ------------------------------------------------------------ */

static void count_problem(struct api_service *service,
                          const struct exchange *exchange) {
  if (exchange)
    service->figures.failed[exchange->call - api_calls]++;
  else
    service->figures.refused++;
}

/* Each kind is said once in a while: who repeats a mistake fills no log. */
static void log_problem(struct api_service *service,
                        const struct http_conn *conn,
                        const struct problem *problem) {
  const struct exchange *exchange = conn->exchange;
  const char *key = exchange ? exchange->key : "-";
  const char *call = exchange ? exchange->call->name : "-";
  char kind[128];
  unsigned kept = 0;
  snprintf(kind, sizeof kind, "%s %s %u", key, call, problem->status);
  if (!quiet_may_say(&service->quiet, kind, uv_now(service->http.tick.loop),
                     &kept) &&
      !log_enabled(LOG_DEBUG))
    return;
  log_info("api status=%u key=%s call=%s ip=%s ref=%s unsaid=%u %s",
           problem->status, key, call, conn->ip, problem->ref, kept,
           problem->detail);
}

static void answer_problem(struct api_service *service, struct http_conn *conn,
                           const struct problem *problem) {
  struct http_head head = {.status = problem->status,
                           .type = "application/problem+json",
                           .headers = problem->headers,
                           .retry_s = problem->retry_s};
  count_problem(service, conn->exchange);
  log_problem(service, conn, problem);
  buf_reset(&service->text, OUTPUT_BYTES_MAX);
  problem_put(&service->text, problem);
  http_answer(conn, &head,
              (struct slice){service->text.data, service->text.len});
  drop_exchange(conn);
}

static void answer_json(struct api_service *service, struct http_conn *conn,
                        struct slice body) {
  struct http_head head = {.status = 200, .type = "application/json"};
  struct exchange *exchange = conn->exchange;
  service->figures.done[exchange->call - api_calls]++;
  log_debug("api key=%s call=%s ip=%s", exchange->key, exchange->call->name,
            conn->ip);
  http_answer(conn, &head, body);
  drop_exchange(conn);
}

/* --- the call ----------------------------------------------------------- */

/* The first answer, again. */
static void answer_again(struct http_conn *conn,
                         const struct repeat_answer *answer) {
  struct http_head head = {.status = answer->status,
                           .type = answer->problem ? "application/problem+json"
                                                   : "application/json",
                           .headers = "Idempotent-Replayed: true\r\n"};
  http_answer(conn, &head, answer->body);
  drop_exchange(conn);
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
  switch (repeats_find(&service->repeats, exchange->key, exchange->call->name,
                       key, body, uv_now(service->http.tick.loop), &answer)) {
  case REPEAT_NEW:
    return false;
  case REPEAT_SAME:
    answer_again(conn, &answer);
    return true;
  case REPEAT_OTHER:
    break;
  }
  problem_set(&problem, ERR_BAD_REQUEST,
              "this Idempotency-Key was used with another body");
  problem.status = 422;
  answer_problem(service, conn, &problem);
  return true;
}

static void keep_answer(struct api_service *service,
                        const struct exchange *exchange, struct slice body,
                        const struct repeat_answer *answer) {
  if (!*exchange->repeat)
    return;
  repeats_keep(&service->repeats, exchange->key, exchange->call->name,
               (struct slice){exchange->repeat, strlen(exchange->repeat)}, body,
               uv_now(service->http.tick.loop), answer);
}

/* A refusal of what was asked is an answer, too; that it could not be done just
 * now is none. */
static void keep_problem(struct api_service *service,
                         const struct exchange *exchange, struct slice body,
                         const struct problem *problem) {
  struct repeat_answer answer = {.status = problem->status, .problem = true};
  struct buf text = {0};
  if (problem->status >= 500)
    return;
  problem_put(&text, problem);
  answer.body = (struct slice){text.data, text.len};
  keep_answer(service, exchange, body, &answer);
  buf_free(&text);
}

static bool read_call_args(struct api_service *service,
                           const struct exchange *exchange, struct slice body,
                           struct api_args *args, struct problem *problem) {
  *args = (struct api_args){0};
  if (!strcmp(exchange->call->method, "GET"))
    return true;
  return api_args_read(args, &exchange->call->wants, body, &service->scratch,
                       problem);
}

static void make_call(struct api_service *service, struct http_conn *conn,
                      struct slice body) {
  struct exchange *exchange = conn->exchange;
  struct api_context context = {
      .bus = service->bus, .config = service->config, .key = exchange->key};
  struct buf *out = &service->text;
  struct api_args args;
  struct problem problem = {0};
  buf_reset(out, OUTPUT_BYTES_MAX);
  if (read_call_args(service, exchange, body, &args, &problem) &&
      exchange->call->run(&context, &args, out, &problem)) {
    struct repeat_answer answer = {.status = 200,
                                   .body = {out->data, out->len}};
    keep_answer(service, exchange, body, &answer);
    answer_json(service, conn, answer.body);
  } else {
    keep_problem(service, exchange, body, &problem);
    answer_problem(service, conn, &problem);
  }
}

static void on_api_whole(void *arg, struct http_conn *conn) {
  struct api_service *service = arg;
  struct exchange *exchange = conn->exchange;
  struct slice body = {exchange->body.len > 0 ? exchange->body.data : "",
                       exchange->body.len};
  if (!answer_repeat(service, conn, body))
    make_call(service, conn, body);
}

static void on_api_piece(void *arg, struct http_conn *conn,
                         struct slice piece) {
  struct exchange *exchange = conn->exchange;
  (void)arg;
  buf_put(&exchange->body, piece.at, piece.len);
}

/* --- the head ----------------------------------------------------------- */

/* The same for a missing key and a wrong one: nobody learns which it was. */
static bool refuse_key(struct api_service *service,
                       const struct http_conn *conn, struct problem *problem) {
  char network[NETWORK_BYTES];
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

static bool check_group(const struct api_call *call, const struct api_key *key,
                        struct problem *problem) {
  if (!call->group || call->group & key->groups)
    return true;
  return problem_set(problem, ERR_FORBIDDEN, "the key `%s` may not `%s`",
                     key->name, api_group_word((enum api_group)call->group));
}

/* Begins the exchange. False with a problem. */
static bool begin_exchange(struct api_service *service, struct http_conn *conn,
                           const struct request *request,
                           struct problem *problem) {
  const struct api_key *key =
      api_keys_find(service->keys, request_field(request, "authorization"));
  if (!key)
    return refuse_key(service, conn, problem);
  const struct api_call *call = api_call_find(request, problem);
  if (!call)
    return false;
  struct exchange *exchange = mem_alloc(sizeof *exchange);
  conn->exchange = exchange;
  exchange->call = call;
  memcpy(exchange->key, key->name, sizeof exchange->key);
  if (!check_group(call, key, problem) ||
      !take_repeat(request, exchange, problem))
    return false;
  http_expect(conn, request, service->config->http_body_bytes);
  return true;
}

static bool is_ours(const struct request *request) {
  static const char root[] = "/api/";
  size_t len = sizeof root - 1;
  return request->path.len >= len && memcmp(request->path.at, root, len) == 0;
}

static bool on_api_head(void *arg, struct http_conn *conn,
                        const struct request *request) {
  struct api_service *service = arg;
  struct problem problem = {0};
  struct slice rest;
  if (conn->origin == API_ORIGIN_ADMIN && !is_ours(request)) {
    int fd = http_give_away(conn, &rest);
    service->foreign(service->arg, fd, conn->ip, rest);
    return false;
  }
  if (!begin_exchange(service, conn, request, &problem))
    answer_problem(service, conn, &problem);
  return true;
}

static void on_api_wrong(void *arg, struct http_conn *conn, unsigned status,
                         const char *text) {
  struct problem problem;
  problem_set(&problem, status == 413 ? ERR_TOO_LARGE : ERR_BAD_REQUEST, "%.*s",
              (int)strcspn(text, "\n"), text);
  problem.status = status;
  answer_problem(arg, conn, &problem);
}

static void on_api_gone(void *arg, struct http_conn *conn) {
  struct api_service *service = arg;
  drop_exchange(conn);
  service->figures.connections = service->http.count - 1;
}

static const struct http_service api_http = {.head = on_api_head,
                                             .piece = on_api_piece,
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
                                .output_max = OUTPUT_BYTES_MAX};
  http_open(&service->http, loop);
  repeats_init(&service->repeats);
  rates_init(&service->refusals);
  api_service_configure_take(service, config_ref(config));
}

void api_service_configure_take(struct api_service *service,
                                const struct config *config) {
  double request_ms = config->limits_handshake_timeout_s * 1000.0;
  config_free(service->config);
  api_keys_free(service->keys);
  service->config = config;
  service->keys = api_keys_new(config->api_keys);
  service->http.request_ms = (uint64_t)request_ms;
}

void api_service_close(struct api_service *service) {
  http_close(&service->http);
}

void api_service_free(struct api_service *service) {
  repeats_free(&service->repeats);
  rates_free(&service->refusals);
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
}
