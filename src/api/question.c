/* SPDX-License-Identifier: MIT
 * Questions of backends to the scripts. */
#include "api/question.h"

#include "api/url.h"
#include "base/mem.h"
#include "wire/json.h"

#include <stdio.h>
#include <string.h>

enum {
  QUESTIONS_MAX = 1000, /* at once */
  ANSWER_MS = 30000,    /* in which they are answered */
};

/* A question to the scripts, until it is answered. Whoever asked it may go; the
 * answer is kept for him all the same, if he has an Idempotency-Key. */
struct question {
  struct api_service *service;
  struct http_conn *conn; /* NULL: nobody waits any more */
  const struct api_call *call;
  char key[API_KEY_NAME_BYTES + 1];
  char repeat[REPEAT_KEY_BYTES + 1];
  unsigned char print[REPEAT_PRINT_BYTES];
};

static void api_question_free(struct question *question) {
  question->service->asked--;
  mem_free(question);
}

static struct question *new_question(struct api_service *service,
                                     struct http_conn *conn) {
  struct exchange *exchange = conn->exchange;
  struct question *question = mem_alloc(sizeof *question);
  *question = (struct question){
      .service = service, .conn = conn, .call = exchange->call};
  memcpy(question->key, exchange->key, sizeof question->key);
  memcpy(question->repeat, exchange->repeat, sizeof question->repeat);
  memcpy(question->print, exchange->print, sizeof question->print);
  exchange->question = question;
  service->asked++;
  return question;
}

static void put_member(struct buf *out, const char *name, struct slice text) {
  buf_printf(out, "\"%s\":", name);
  json_put_string(out, text.at, text.len);
}

/* What the handler gets. */
static void fill_ask(struct api_ask *ask, const struct api_args *args,
                     const char *key) {
  struct slice data = args->text[API_ARG_DATA];
  buf_putc(&ask->request, '{');
  if (args->has & API_HAS(DATA)) {
    buf_puts(&ask->request, "\"data\":");
    ask->data_at = ask->request.len;
    ask->data_len = data.len;
    buf_put(&ask->request, data.at, data.len);
    buf_putc(&ask->request, ',');
  }
  if (args->has & API_HAS(USER)) {
    put_member(&ask->request, "user", args->text[API_ARG_USER]);
    buf_putc(&ask->request, ',');
  }
  put_member(&ask->request, "key", (struct slice){key, strlen(key)});
  buf_putc(&ask->request, '}');
  snprintf(ask->key, sizeof ask->key, "%s", key);
}

/* The type that is in the path, and then the body. */
static bool read_ask(struct api_service *service,
                     const struct exchange *exchange, struct slice body,
                     struct api_ask *ask, struct problem *problem) {
  const struct api_call *call = exchange->call;
  struct api_wants path_only = {0};
  struct slice path = {exchange->target.data, exchange->path_len};
  struct slice query = {path.at + path.len, exchange->target.len - path.len};
  struct api_args args = {0};
  if (!api_url_read(&args, &path_only, call->path, path, query,
                    &service->scratch, problem))
    return false;
  struct slice type = args.text[API_ARG_TYPE];
  if (!msg_type_ok(type.at, type.len) ||
      !slice_copy(type, ask->type, sizeof ask->type))
    return problem_set(problem, ERR_UNKNOWN_TYPE,
                       "a type is 1 to 64 of A-Z a-z 0-9 _ . : -");
  if (!api_args_read(&args, &call->wants, body, &service->scratch, problem))
    return false;
  fill_ask(ask, &args, exchange->key);
  return true;
}

/* The worker with the fewest questions: one that is held has some. */
static struct desk *choose_desk(const struct api_service *service) {
  struct desk *best = service->desks[0];
  for (int i = 1; i < service->bus->workers; i++) {
    struct desk *desk = service->desks[i];
    if (desk->waiting < best->waiting)
      best = desk;
  }
  return best;
}

static bool ask_scripts(struct api_service *service, struct http_conn *conn,
                        struct slice body, struct problem *problem) {
  struct api_ask *ask = ask_new();
  bool good = read_ask(service, conn->exchange, body, ask, problem);
  if (good && service->asked >= QUESTIONS_MAX)
    good = problem_set(problem, ERR_OVERLOADED,
                       "%d questions to the scripts are not answered yet",
                       QUESTIONS_MAX);
  if (good) {
    struct question *question = new_question(service, conn);
    ask->home = &service->answers;
    ask->arg = question;
    if (desk_ask_take(choose_desk(service), ask))
      return true;
    ((struct exchange *)conn->exchange)->question = NULL;
    api_question_free(question);
    problem_set(problem, ERR_UNAVAILABLE, "the server is ending");
  }
  ask_free(ask);
  return false;
}

void question_begin(struct api_service *service, struct http_conn *conn,
                    struct slice body) {
  static const struct repeat_answer none = {.status = 0, .body = {"", 0}};
  struct exchange *exchange = conn->exchange;
  struct problem problem = {0};
  if (ask_scripts(service, conn, body, &problem)) {
    exchange_keep(service, exchange, &none);
    buf_free(&exchange->body); /* the letter has what is needed of it */
    http_wait(conn, ANSWER_MS);
    return;
  }
  exchange_keep_problem(service, exchange, &problem);
  exchange_refuse(service, conn, &problem);
}

static void keep_late(struct api_service *service,
                      const struct question *question, unsigned status,
                      struct slice text) {
  struct repeat_answer answer = {
      .status = status, .problem = status != 200, .body = text};
  struct slice key = {question->repeat, strlen(question->repeat)};
  if (key.len == 0)
    return;
  repeats_drop(&service->repeats, question->key, question->call->name, key);
  if (exchange_is_answer(status))
    repeats_keep(&service->repeats, question->key, question->call->name, key,
                 question->print, uv_now(service->http.tick.loop), &answer);
}

void question_answered(struct mailbox *mailbox, struct list *node) {
  struct api_service *service =
      container_of(mailbox, struct api_service, answers);
  struct api_ask *ask = container_of(node, struct api_ask, node);
  struct question *question = ask->arg;
  struct http_conn *conn = question->conn;
  struct buf text = {0};
  if (ask->done)
    buf_put(&text, ask->body.data, ask->body.len);
  else
    problem_put_data(&text, &ask->problem, &ask->body);
  struct slice body = {text.data, text.len};
  keep_late(service, question, ask->done ? 200 : ask->problem.status, body);
  if (conn) {
    ((struct exchange *)conn->exchange)->question = NULL;
    if (ask->done)
      exchange_answer(service, conn, body);
    else
      exchange_refuse_as(service, conn, &ask->problem, body);
    http_go_on(conn);
  }
  buf_free(&text);
  api_question_free(question);
  ask_free(ask);
}

void question_late(void *arg, struct http_conn *conn) {
  struct problem problem;
  problem_set(&problem, ERR_HANDLER_TIMEOUT,
              "no answer of the scripts for %d s", ANSWER_MS / 1000);
  exchange_refuse(arg, conn, &problem);
}

void question_forget(struct question *question) {
  question->conn = NULL;
}

void question_drop(struct list *node) {
  struct api_ask *ask = container_of(node, struct api_ask, node);
  api_question_free(ask->arg);
  ask_free(ask);
}
