/* SPDX-License-Identifier: MIT
 * Traces that are told. */
#include "api/tracing.h"

#include "api/http_answer.h"
#include "api/url.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/json.h"

#include <string.h>
#include <sys/time.h>

struct tracing {
  struct list node;
  struct api_service *service;
  struct http_conn *conn;
  int place; /* on the board */
  struct trace_target target;
  uint64_t told_ms; /* when a line was last told; loop time */
};

static const char *const kind_words[] = {
#define TRACING_WORD(name, word) word,
    TRACE_KINDS(TRACING_WORD)
#undef TRACING_WORD
};

static uint64_t tracing_now(const struct api_service *service) {
  return uv_now(service->tracing_tick.loop);
}

/* --- lines -------------------------------------------------------------- */

/* Begins a line of the API's own. */
static void begin_own_line(struct buf *out, const char *event) {
  struct timeval now;
  gettimeofday(&now, NULL);
  buf_printf(out, "{\"event\":\"%s\",\"at\":%lld.%06d", event,
             (long long)now.tv_sec, (int)now.tv_usec);
}

static void put_first_line(struct buf *out, const struct trace_target *target) {
  begin_own_line(out, "trace");
  buf_printf(out, ",\"%s\":", kind_words[target->kind]);
  json_put_string(out, target->text, target->len);
  buf_puts(out, "}\n");
}

/* What is new, which may be nothing. */
static void gather_lines(struct tracing *tracing, struct buf *out) {
  struct api_service *service = tracing->service;
  uint64_t dropped = board_take(service->board, tracing->place, out);
  if (dropped > 0) {
    begin_own_line(out, "dropped");
    buf_printf(out, ",\"count\":%llu}\n", (unsigned long long)dropped);
  }
  if (out->len == 0 &&
      tracing_now(service) - tracing->told_ms >= TRACING_ALIVE_MS) {
    begin_own_line(out, "alive");
    buf_puts(out, "}\n");
  }
}

/* The connection may be gone afterwards, and so the trace. */
static void tell_tracing(struct tracing *tracing) {
  struct api_service *service = tracing->service;
  struct http_conn *conn = tracing->conn;
  struct buf *out = &service->text;
  buf_reset(out, API_OUTPUT_BYTES);
  if (http_is_behind(conn))
    return;
  gather_lines(tracing, out);
  if (out->len == 0)
    return;
  tracing->told_ms = tracing_now(service);
  http_answer_piece(conn, (struct slice){out->data, out->len});
  http_go_on(conn);
}

static void on_tracing_tick(uv_timer_t *tick) {
  struct api_service *service =
      container_of(tick, struct api_service, tracing_tick);
  LIST_FOREACH_SAFE (it, &service->tracings)
    tell_tracing(container_of(it, struct tracing, node));
}

/* --- begin and end ------------------------------------------------------ */

static void set_target(struct trace_target *target, enum trace_kind kind,
                       struct slice text) {
  *target = (struct trace_target){.kind = kind, .len = text.len};
  memcpy(target->text, text.at, text.len);
}

/* What is to be followed; the forms of the arguments bound their lengths. */
static bool read_trace_target(struct api_service *service,
                              const struct exchange *exchange,
                              struct trace_target *target,
                              struct problem *problem) {
  const struct api_call *call = exchange->call;
  struct slice path = {exchange->target.data, exchange->path_len};
  struct slice query = {path.at + path.len, exchange->target.len - path.len};
  struct api_args args = {0};
  if (!api_url_read(&args, &call->wants, call->path, path, query,
                    &service->scratch, problem))
    return false;
  if (args.has & API_HAS(USER))
    set_target(target, TRACE_USER, args.text[API_ARG_USER]);
  else if (args.has & API_HAS(ROOM))
    set_target(target, TRACE_ROOM, args.text[API_ARG_ROOM]);
  else
    set_target(target, TRACE_TYPE, args.text[API_ARG_OF_TYPE]);
  return true;
}

static void start_tracing(struct api_service *service, struct http_conn *conn,
                          const struct trace_target *target, int place) {
  struct exchange *exchange = conn->exchange;
  struct tracing *tracing = mem_alloc(sizeof *tracing);
  tracing->service = service;
  tracing->conn = conn;
  tracing->place = place;
  tracing->target = *target;
  tracing->told_ms = tracing_now(service);
  list_init(&tracing->node);
  if (list_empty(&service->tracings))
    uv_timer_start(&service->tracing_tick, on_tracing_tick, TRACING_MS,
                   TRACING_MS);
  list_push(&service->tracings, &tracing->node);
  exchange->tracing = tracing;
  service->figures.done[exchange->call - api_calls]++;
  log_info("trace of %s=%.*s is on for key=%s ip=%s", kind_words[target->kind],
           (int)target->len, target->text, exchange->key, conn->ip);
}

static void begin_trace_answer(struct api_service *service,
                               struct http_conn *conn,
                               const struct trace_target *target) {
  static const struct http_head head = {.status = 200,
                                        .type = "application/x-ndjson"};
  struct buf *out = &service->text;
  conn->last = true;
  http_answer_begin(conn, &head);
  http_live(conn);
  buf_reset(out, API_OUTPUT_BYTES);
  put_first_line(out, target);
  http_answer_piece(conn, (struct slice){out->data, out->len});
}

void tracing_begin(struct api_service *service, struct http_conn *conn) {
  struct trace_target target;
  struct problem problem = {0};
  if (!read_trace_target(service, conn->exchange, &target, &problem)) {
    exchange_refuse(service, conn, &problem);
    return;
  }
  if (conn->bare) { /* HEAD: what would be answered, without it */
    exchange_answer(service, conn, (struct slice){"", 0});
    return;
  }
  int place = board_open(service->board, &target);
  if (place < 0) {
    problem_set(&problem, ERR_OVERLOADED,
                "%d traces are on, which is the most: end one of them",
                TRACES_MAX);
    exchange_refuse(service, conn, &problem);
    return;
  }
  start_tracing(service, conn, &target, place);
  begin_trace_answer(service, conn, &target);
}

void tracing_end(struct tracing *tracing) {
  struct api_service *service = tracing->service;
  const struct exchange *exchange = tracing->conn->exchange;
  board_close(service->board, tracing->place);
  list_remove(&tracing->node);
  log_info("trace of %s=%.*s is off for key=%s",
           kind_words[tracing->target.kind], (int)tracing->target.len,
           tracing->target.text, exchange->key);
  if (list_empty(&service->tracings))
    uv_timer_stop(&service->tracing_tick);
  mem_free(tracing);
}

static bool may_trace(const struct api_keys *keys, const char *name) {
  for (size_t i = 0; i < keys->count; i++)
    if (!strcmp(keys->list[i].name, name))
      return keys->list[i].groups & API_ADMIN;
  return false;
}

void tracing_check_keys(struct api_service *service) {
  LIST_FOREACH_SAFE (it, &service->tracings) {
    struct tracing *tracing = container_of(it, struct tracing, node);
    struct http_conn *conn = tracing->conn;
    const struct exchange *exchange = conn->exchange;
    if (may_trace(service->keys, exchange->key))
      continue;
    conn->live = false;
    http_answer_end(conn);
    exchange_drop(conn);
    http_go_on(conn);
  }
}

void tracing_open(struct api_service *service, uv_loop_t *loop) {
  list_init(&service->tracings);
  uv_timer_init(loop, &service->tracing_tick);
}

void tracing_close(struct api_service *service) {
  uv_close((uv_handle_t *)&service->tracing_tick, NULL);
}
