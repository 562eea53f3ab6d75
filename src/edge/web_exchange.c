/* SPDX-License-Identifier: MIT
 * Requests that scripts answer: the handler, and the answer. */
#include "edge/web_exchange.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "edge/cors.h"
#include "edge/headers.h"
#include "edge/web_reply.h"
#include "script/call.h"
#include "script/web_request.h"
#include "wire/json.h"

#include <string.h>

enum { SLOW_US = 1000000 };

/* --- life --------------------------------------------------------------- */

struct web_exchange *web_exchange_new(struct web *web, struct visitor *visitor,
                                      const struct request *request,
                                      const char *end, const char *ip) {
  struct web_exchange *exchange = mem_alloc(sizeof *exchange);
  const struct slice *coding = request_field(request, "accept-encoding");
  exchange->web = web;
  exchange->visitor = visitor;
  exchange->gzips = coding && gzip_is_accepted(*coding);
  snprintf(exchange->ip, sizeof exchange->ip, "%s", ip);
  network_of(ip, exchange->network);
  buf_put(&exchange->head, request->method.at,
          (size_t)(end - request->method.at));
  cors_put(&exchange->cors, web->config, request);
  list_init(&exchange->node);
  list_init(&exchange->after.node);
  list_push(&web->exchanges, &exchange->node);
  web->count++;
  return exchange;
}

static void free_exchange(struct web_exchange *exchange) {
  struct web *web = exchange->web;
  web->count--;
  web->bytes -= exchange->held;
  list_remove(&exchange->node);
  list_remove(&exchange->after.node);
  buf_free(&exchange->head);
  buf_free(&exchange->content);
  buf_free(&exchange->ahead);
  buf_free(&exchange->out);
  buf_free(&exchange->cors);
  mem_free(exchange);
}

void web_exchange_over(void *loan) {
  struct web_exchange *exchange = loan;
  exchange->visitor = NULL;
  if (exchange->state != WEB_RUNS)
    free_exchange(exchange);
}

void web_exchange_hold(struct web_exchange *exchange, size_t bytes) {
  exchange->held += bytes;
  exchange->web->bytes += bytes;
}

/* --- figures ------------------------------------------------------------ */

static void count_web(struct web *web, unsigned status) {
  struct stats *stats = &web->protocol->stats;
  stats->http_2xx += status < 300;
  stats->http_3xx += status >= 300 && status < 400;
  stats->http_4xx += status >= 400 && status < 500;
  stats->http_5xx += status >= 500;
}

static void note_answer(struct web_exchange *exchange, unsigned status) {
  struct stats *stats = &exchange->web->protocol->stats;
  uint64_t us = (uv_hrtime() - exchange->started_ns) / 1000;
  const char *line = exchange->head.data;
  count_web(exchange->web, status);
  stats->http_us += us;
  stats->http_slow += us > SLOW_US;
  log_debug("http status=%u us=%llu ip=%s gone=%d %.*s", status,
            (unsigned long long)us, exchange->ip, exchange->visitor == NULL,
            (int)strcspn(line, "?\r"), line);
}

/* --- no ----------------------------------------------------------------- */

/* Its line is written once in a while only, and so has no reference. */
void web_refuse(struct web *web, struct visitor *visitor, struct slice cors,
                struct problem *problem) {
  struct buf text = {0}, lines = {0};
  *problem->ref = 0;
  if (problem->headers)
    buf_puts(&lines, problem->headers);
  buf_put(&lines, cors.at, cors.len);
  buf_putc(&lines, 0);
  problem_put(&text, problem);
  buf_putc(&text, 0);
  struct refusal refusal = {.status = problem->status,
                            .text = text.data,
                            .type = "application/problem+json",
                            .headers = lines.data,
                            .retry_s = problem->retry_s};
  count_web(web, problem->status);
  visitors_say(visitor->visitors, visitor->socket.ip, problem->status,
               problem->detail);
  visitor_answer(visitor, &refusal);
  buf_free(&text);
  buf_free(&lines);
}

/* --- writing ------------------------------------------------------------ */

/* The next request may have come already. */
static void finish_web(struct web_exchange *exchange) {
  struct buf ahead = exchange->ahead;
  exchange->ahead = (struct buf){0};
  visitor_done_take(exchange->visitor, ahead);
}

void web_exchange_write(struct web_exchange *exchange) {
  struct visitor *visitor = exchange->visitor;
  size_t left = exchange->out.len - exchange->written;
  ssize_t n = transport_write(&visitor->transport,
                              exchange->out.data + exchange->written, left);
  if (n < 0) {
    visitor_free(visitor);
    return;
  }
  exchange->written += (size_t)n;
  visitor_moved(visitor, (size_t)n);
  if ((size_t)n == left && !transport_is_full(&visitor->transport))
    finish_web(exchange);
  else
    visitor_want(visitor, EPOLLOUT);
}

static void write_late_answer(struct ticket_item *item) {
  web_exchange_write(container_of(item, struct web_exchange, after));
}

static void answer_web(struct web_exchange *exchange, struct web_reply reply) {
  struct web *web = exchange->web;
  struct visitor *visitor = exchange->visitor;
  if (exchange->gzips && !web->gzip)
    web->gzip = gzip_new();
  reply.gzip = exchange->gzips ? web->gzip : NULL;
  reply.cors = (struct slice){exchange->cors.len > 0 ? exchange->cors.data : "",
                              exchange->cors.len};
  visitor->last |= web->draining;
  reply.last = visitor->last;
  reply.head = visitor->head;
  web_reply_put(&exchange->out, &reply);
  buf_free(&exchange->content);
  web_exchange_hold(exchange, exchange->out.len);
  exchange->state = WEB_ANSWERS;
  pending_wait(&visitor->socket, PENDING_ANSWER);
  if (ticket_queue_add(web->protocol->host.after, &exchange->after,
                       write_late_answer))
    visitor_want(visitor, 0);
  else
    web_exchange_write(exchange);
}

static void answer_problem(struct web_exchange *exchange,
                           const struct problem *problem,
                           const struct buf *data) {
  static const char type[] = "Content-Type: application/problem+json\r\n";
  struct buf text = {0}, fields = {0};
  problem_put_data(&text, problem, data);
  buf_puts(&fields, type);
  if (problem->retry_s > 0)
    buf_printf(&fields, "Retry-After: %u\r\n", problem->retry_s);
  answer_web(exchange, (struct web_reply){.status = problem->status,
                                          .fields = {fields.data, fields.len},
                                          .body = {text.data, text.len}});
  buf_free(&text);
  buf_free(&fields);
}

/* --- the handler -------------------------------------------------------- */

/* What went wrong is in the log. In development it is in the answer, too. */
static void set_failure(const struct web_exchange *exchange,
                        const struct call_result *result,
                        struct problem *problem) {
  bool tell = exchange->web->protocol->host.development && result->error;
  problem_set(problem, result->err, "%s",
              tell ? result->error : err_text(result->err));
  snprintf(problem->ref, sizeof problem->ref, "%s", result->ref);
}

static void answer_result(struct web_exchange *exchange,
                          const struct call_result *result, unsigned status) {
  const struct call_arg *fields = &result->value[0], *body = &result->value[1];
  struct web_reply reply = {.status = status,
                            .fields = {fields->text, fields->len},
                            .body = {body->text, body->len}};
  answer_web(exchange, reply);
}

static void on_web_done(const struct call_spec *spec,
                        const struct call_result *result) {
  struct web_exchange *exchange = spec->arg;
  struct problem problem = {.status = result->status};
  struct buf data = {0};
  if (exchange->ended)
    *exchange->ended = true;
  if (result->verdict == CALL_REFUSED) {
    problem_set_refusal(&problem, result->code, result->text);
    *problem.ref = 0; /* it is no mistake */
    buf_put(&data, result->value[0].text, result->value[0].len);
  } else if (result->verdict == CALL_FAILED) {
    set_failure(exchange, result, &problem);
  }
  note_answer(exchange, problem.status);
  if (!exchange->visitor)
    free_exchange(exchange);
  else if (result->verdict == CALL_OK)
    answer_result(exchange, result, problem.status);
  else
    answer_problem(exchange, &problem, &data);
  buf_free(&data);
}

/* Whether the body is what the declaration says. The schema checker wants no
 * blanks around it. */
static bool fits_web_schema(const struct handler *handler, struct slice *body,
                            struct problem *problem) {
  struct buf why = {0};
  if (!handler->schema)
    return true;
  while (body->len > 0 && strchr(" \t\r\n", body->at[0]) && body->at[0])
    *body = slice_after(*body, 1);
  while (body->len > 0 && body->at[body->len - 1] &&
         strchr(" \t\r\n", body->at[body->len - 1]))
    body->len--;
  if (body->len > 0 && json_check(body->at, body->len, NULL))
    return problem_set(problem, ERR_BAD_JSON, "the body is not valid JSON");
  bool fits =
      !schema_check(handler->schema, body->len > 0 ? body->at : NULL, body->len,
                    &why) ||
      problem_set(problem, ERR_BAD_REQUEST, "%.*s", (int)why.len, why.data);
  buf_free(&why);
  return fits;
}

/* len 0: it has none. */
static struct slice traceparent_of_request(const struct web_request *request) {
  const char *at = request->headers;
  while (at && *at) {
    const char *value = at + strlen(at) + 1;
    if (!strcmp(at, "traceparent"))
      return (struct slice){value, strlen(value)};
    at = value + strlen(value) + 1;
  }
  return (struct slice){"", 0};
}

/* The exchange may be gone afterwards. */
static void call_web(struct web_exchange *exchange,
                     const struct handler *handler,
                     const struct web_request *request) {
  bool ended = false;
  struct call_spec spec = {.handler = handler,
                           .args = {{.kind = CALL_WEB}},
                           .nargs = 1,
                           .web = request,
                           .traceparent = traceparent_of_request(request),
                           .done = on_web_done,
                           .arg = exchange};
  exchange->ended = &ended;
  call_run(exchange->web->protocol->host.live, &spec);
  if (ended)
    return;
  exchange->ended = NULL;
  buf_free(
      &exchange->content); /* Lua has it; and counts as held until the end */
  visitor_want(exchange->visitor, 0);
}

static void refuse_run(struct web_exchange *exchange, struct problem *problem) {
  *problem->ref = 0;
  note_answer(exchange, problem->status);
  answer_problem(exchange, problem, NULL);
}

static struct slice target_asked(const struct request *request) {
  const char *end = request->query.len > 0
                        ? request->query.at + request->query.len
                        : request->path.at + request->path.len;
  return (struct slice){request->path.at, (size_t)(end - request->path.at)};
}

/* What may be asked at that path, and by which pages. */
static void answer_options(struct web_exchange *exchange,
                           const struct request *request,
                           const struct web_route *route) {
  struct buf methods = {0}, lines = {0};
  web_route_put(route, &methods);
  buf_printf(&lines, "Allow: %.*s\r\n", (int)methods.len, methods.data);
  buf_reset(&exchange->cors, SIZE_MAX);
  cors_put_preflight(&exchange->cors, exchange->web->config, request,
                     (struct slice){methods.data, methods.len});
  note_answer(exchange, 204);
  answer_web(exchange, (struct web_reply){.status = 204,
                                          .fields = {lines.data, lines.len},
                                          .body = {"", 0}});
  buf_free(&methods);
  buf_free(&lines);
}

static void run_handler_of(struct web_exchange *exchange,
                           const struct request *request,
                           const struct web_route *route) {
  struct problem problem;
  struct slice body = {exchange->content.len > 0 ? exchange->content.data : "",
                       exchange->content.len};
  if (!fits_web_schema(route->handler, &body, &problem)) {
    refuse_run(exchange, &problem);
    return;
  }
  char *headers = headers_pack_all(request);
  struct web_request table = {.method = request->method,
                              .path = route->path,
                              .raw = request->path,
                              .handler = route->handler,
                              .target = target_asked(request),
                              .query = request->query,
                              .ip = {exchange->ip, strlen(exchange->ip)},
                              .headers = headers,
                              .body = body,
                              .has_data = route->handler->schema != NULL &&
                                          body.len > 0};
  call_web(exchange, route->handler, &table);
  mem_free(headers);
}

/* Another generation may be live than when the head was routed. */
void web_exchange_run(struct web_exchange *exchange) {
  struct request request;
  struct request_fault fault;
  struct web_route route;
  struct problem problem;
  const struct buf *head = &exchange->head;
  exchange->state = WEB_RUNS;
  exchange->started_ns = uv_hrtime();
  pending_wait(&exchange->visitor->socket, PENDING_ANSWER);
  bool found =
      request_read(&request, head->data, head->len, &fault) &&
      web_route_find(&route, exchange->web->protocol->host.live, &request);
  if (found && slice_equals(request.method, "OPTIONS")) {
    answer_options(exchange, &request, &route);
  } else if (found && route.handler) {
    run_handler_of(exchange, &request, &route);
  } else {
    problem_set(&problem, ERR_NOT_FOUND, "there is no such handler any more");
    refuse_run(exchange, &problem);
  }
}
