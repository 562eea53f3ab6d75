/* SPDX-License-Identifier: MIT
 * Requests to the call `batch`. */
#include "api/lines.h"

#include "api/http_answer.h"

static void count_line(void *arg, const struct api_call *call, bool done) {
  struct api_service *service = arg;
  struct api_figures *figures = &service->figures;
  if (done)
    figures->done[call - api_calls]++;
  else
    figures->failed[call - api_calls]++;
}

/* Makes the calls of the piece, or of what is left when all has come. */
void lines_take(struct api_service *service, struct http_conn *conn,
                const struct slice *piece) {
  struct exchange *exchange = conn->exchange;
  struct api_context context = exchange_context(service, exchange);
  struct batch_run run = {.context = &context,
                          .groups = exchange->groups,
                          .line_max = service->config->http_body_bytes,
                          .scratch = &service->scratch,
                          .out = &service->text,
                          .made = count_line,
                          .arg = service};
  buf_reset(&service->text, API_OUTPUT_BYTES);
  if (piece)
    batch_take(&exchange->batch, &run, *piece);
  else
    batch_end(&exchange->batch, &run);
  if (!conn->streams)
    http_answer_begin(conn, &(struct http_head){
                                .status = 200, .type = "application/x-ndjson"});
  if (service->text.len > 0)
    http_answer_piece(conn,
                      (struct slice){service->text.data, service->text.len});
  conn->paused = bus_is_behind(service->bus);
}

void lines_end(struct api_service *service, struct http_conn *conn) {
  const struct exchange *exchange = conn->exchange;
  lines_take(service, conn, NULL);
  conn->paused = false;
  service->figures.done[exchange->call - api_calls]++;
  http_answer_end(conn);
  exchange_drop(conn);
}

/* The body is wrong, and the answer has begun: its last line says so. */
void lines_break(struct api_service *service, struct http_conn *conn,
                 const struct problem *problem) {
  exchange_log(service, conn, problem);
  exchange_count_problem(service, conn->exchange);
  buf_reset(&service->text, API_OUTPUT_BYTES);
  problem_put(&service->text, problem);
  buf_putc(&service->text, '\n');
  http_answer_piece(conn,
                    (struct slice){service->text.data, service->text.len});
  http_answer_end(conn);
  exchange_drop(conn);
}

bool lines_must_wait(void *arg) {
  const struct api_service *service = arg;
  return bus_is_behind(service->bus);
}
