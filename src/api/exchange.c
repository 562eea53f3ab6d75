/* SPDX-License-Identifier: MIT
 * Requests that are answered. */
#include "api/exchange.h"

#include "api/http_answer.h"
#include "api/question.h"
#include "api/tracing.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

void exchange_drop(struct http_conn *conn) {
  struct exchange *exchange = conn->exchange;
  if (!exchange)
    return;
  if (exchange->question)
    question_forget(exchange->question);
  if (exchange->tracing)
    tracing_end(exchange->tracing);
  conn->exchange = NULL;
  if (exchange->read)
    engine_cancel(exchange->engine, exchange->read);
  buf_free(&exchange->body);
  buf_free(&exchange->target);
  batch_free(&exchange->batch);
  mem_free(exchange);
}

/* --- answers ------------------------------------------------------------ */

void exchange_count_problem(struct api_service *service,
                            const struct exchange *exchange) {
  if (exchange)
    service->figures.failed[exchange->call - api_calls]++;
  else
    service->figures.refused++;
}

/* Each kind is said once in a while: who repeats a mistake fills no log. */
void exchange_log(struct api_service *service, const struct http_conn *conn,
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

void exchange_refuse_as(struct api_service *service, struct http_conn *conn,
                        const struct problem *problem, struct slice body) {
  struct http_head head = {.status = problem->status,
                           .type = "application/problem+json",
                           .headers = problem->headers,
                           .retry_s = problem->retry_s};
  exchange_count_problem(service, conn->exchange);
  exchange_log(service, conn, problem);
  http_answer(conn, &head, body);
  exchange_drop(conn);
}

void exchange_refuse(struct api_service *service, struct http_conn *conn,
                     const struct problem *problem) {
  buf_reset(&service->text, API_OUTPUT_BYTES);
  problem_put(&service->text, problem);
  exchange_refuse_as(service, conn, problem,
                     (struct slice){service->text.data, service->text.len});
}

void exchange_answer(struct api_service *service, struct http_conn *conn,
                     struct slice body) {
  struct http_head head = {.status = 200, .type = "application/json"};
  struct exchange *exchange = conn->exchange;
  service->figures.done[exchange->call - api_calls]++;
  log_debug("api key=%s call=%s ip=%s", exchange->key, exchange->call->name,
            conn->ip);
  http_answer(conn, &head, body);
  exchange_drop(conn);
}

void exchange_keep(struct api_service *service, const struct exchange *exchange,
                   const struct repeat_answer *answer) {
  if (!*exchange->repeat)
    return;
  repeats_keep(&service->repeats, exchange->key, exchange->call->name,
               (struct slice){exchange->repeat, strlen(exchange->repeat)},
               exchange->print, uv_now(service->http.tick.loop), answer);
}

void exchange_keep_problem(struct api_service *service,
                           const struct exchange *exchange,
                           const struct problem *problem) {
  struct repeat_answer answer = {.status = problem->status, .problem = true};
  struct buf text = {0};
  if (!exchange_is_answer(problem->status))
    return;
  problem_put(&text, problem);
  answer.body = (struct slice){text.data, text.len};
  exchange_keep(service, exchange, &answer);
  buf_free(&text);
}

struct api_context exchange_context(struct api_service *service,
                                    const struct exchange *exchange) {
  return (struct api_context){.bus = service->bus,
                              .engine = service->engine,
                              .presence = service->presence,
                              .tokens = service->tokens,
                              .config = service->config,
                              .key = exchange->key};
}
