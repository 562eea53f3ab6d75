/* SPDX-License-Identifier: MIT
 * The call `history`. */
#include "api/history.h"

#include "api/url.h"
#include "hub/history.h"

enum {
  PAGE_MESSAGES = 100,
  HISTORY_BYTES = 1024 * 1024,
  HISTORY_MS = 30000, /* in which the engine answers */
};

static void on_history(void *arg, const struct engine_answer *answer) {
  struct http_conn *conn = arg;
  struct api_service *service = conn->http->arg;
  struct exchange *exchange = conn->exchange;
  struct problem problem;
  struct buf out = {0};
  exchange->read = NULL;
  if (answer->err) {
    problem_set(&problem, (enum err)answer->err, "the history cannot be read");
    exchange_refuse(service, conn, &problem);
  } else {
    history_put(&out, service->engine, answer);
    exchange_answer(service, conn, (struct slice){out.data, out.len});
  }
  buf_free(&out);
  http_go_on(conn);
}

static struct engine_query query_of(const struct api_args *args) {
  struct engine_query query = {
      .room = args->text[API_ARG_ROOM].at,
      .room_len = args->text[API_ARG_ROOM].len,
      .range = ENGINE_LAST,
      .limit = args->has & API_HAS(LIMIT)
                   ? (uint32_t)args->number[API_ARG_LIMIT]
                   : PAGE_MESSAGES,
      .bytes = HISTORY_BYTES,
  };
  if (args->has & API_HAS(BEFORE_SEQ)) {
    query.range = ENGINE_BEFORE;
    query.before = (uint64_t)args->number[API_ARG_BEFORE_SEQ];
  }
  if (args->has & API_HAS(AFTER_SEQ)) {
    query.range = ENGINE_AFTER;
    query.after = (uint64_t)args->number[API_ARG_AFTER_SEQ];
  }
  return query;
}

/* Begins to read if the room keeps anything. */
static bool begin_to_read(struct api_service *service, struct http_conn *conn,
                          const struct api_args *args,
                          struct problem *problem) {
  struct exchange *exchange = conn->exchange;
  struct engine_query query = query_of(args);
  struct rules *rules = engine_hold_rules(service->engine);
  query.rule = rules_find(rules, query.room, query.room_len);
  bool kept = query.rule && query.rule->numbered;
  if (kept) {
    exchange->engine = service->engine;
    exchange->read = engine_read(service->engine, service->bus->workers, &query,
                                 on_history, conn);
    http_wait(conn, HISTORY_MS);
  }
  rules_unref(rules);
  return kept || problem_set(problem, ERR_NOT_FOUND,
                             "nothing is declared that this room would keep");
}

void history_begin(struct api_service *service, struct http_conn *conn) {
  const struct exchange *exchange = conn->exchange;
  const struct api_call *call = exchange->call;
  struct slice path = {exchange->target.data, exchange->path_len};
  struct slice query = {path.at + path.len, exchange->target.len - path.len};
  struct api_args args = {0};
  struct problem problem;
  if (!api_url_read(&args, &call->wants, call->path, path, query,
                    &service->scratch, &problem) ||
      !begin_to_read(service, conn, &args, &problem))
    exchange_refuse(service, conn, &problem);
}
