/* SPDX-License-Identifier: MIT
 * Reading a history.
 *
 * The hook may wait, and the engine answers later: a client may have left, or
 * have closed, by then. So whether it is a member is looked at before each, and
 * before the answer, which finds its connection by id. */
#include "protocol/history.h"

#include "base/mem.h"
#include "hub/history.h"
#include "protocol/answer.h"
#include "protocol/client.h"
#include "protocol/field.h"
#include "wire/json.h"

#include <stdlib.h>

/* A question that is not answered yet. */
struct question {
  struct list node;         /* in protocol->questions, while */
  struct engine_read *read; /* this is not answered */
  struct manager *manager;
  uint64_t conn;
  struct msg_id id;
  struct history_page page;
  char room[ROOM_NAME_BYTES + 1];
};

static const char bad_query[] =
    "data: expected room, a string, and perhaps before and after, whole "
    "numbers from 0 on, and limit, from 1 to 1000";

/* Whether the member of data is a number in the range, or is not there. */
static bool read_number(const struct envelope *env, const char *key,
                        uint64_t least, uint64_t most, bool *found,
                        uint64_t *value) {
  const char *text;
  size_t len;
  bool whole;
  int64_t number;
  *found = field_find(env, key, &text, &len) && *text != 'n';
  if (!*found)
    return true;
  struct json_scan scan = {text, text + len};
  if (json_scan_number(&scan, &whole) || !whole ||
      !json_to_int(text, len, &number) || number < 0)
    return false;
  *value = (uint64_t)number;
  return *value >= least && *value <= most;
}

static bool read_question(const struct envelope *env,
                          struct question *question) {
  struct history_page *page = &question->page;
  uint64_t limit = HISTORY_LIMIT;
  bool has_limit;
  size_t len;
  bool ok =
      field_string(env, "room", question->room, sizeof question->room, &len) &&
      manager_room_name_ok(question->room, len) &&
      read_number(env, "after", 0, INT64_MAX, &page->has_after, &page->after) &&
      read_number(env, "before", 0, INT64_MAX, &page->has_before,
                  &page->before) &&
      read_number(env, "limit", 1, HISTORY_LIMIT_MAX, &has_limit, &limit);
  page->limit = (uint32_t)limit;
  return ok;
}

/* Why the room may not be read; 0: it may. */
static int refusal_of(const struct conn *conn, const char *name) {
  const struct manager *manager = manager_of(conn);
  const struct room *room = manager_room(manager, name, strlen(name));
  if (!room || !manager_is_member(conn, room))
    return ERR_FORBIDDEN;
  return history_rule(manager, name, strlen(name)) ? 0 : ERR_NOT_FOUND;
}

/* Whether that was answered, as the room may not be read, or not any more. */
static bool is_refused(struct conn *conn, const struct question *question) {
  int refusal = refusal_of(conn, question->room);
  if (refusal)
    answer_error(conn, &question->id, (enum err)refusal,
                 refusal == ERR_FORBIDDEN ? "only members read a room's history"
                                          : "the room has no history");
  return refusal;
}

static void answer_history(void *arg, const struct engine_answer *answer) {
  struct question *question = arg;
  struct conn *conn = manager_conn(question->manager, question->conn);
  struct buf text = {0};
  list_remove(&question->node);
  if (conn && answer->err) {
    answer_error(conn, &question->id, (enum err)answer->err, NULL);
  } else if (conn && !is_refused(conn, question)) {
    history_put(&text, question->manager->engine, answer);
    answer_reply(conn, &question->id, text.data, text.len);
    buf_free(&text);
  }
  mem_free(question);
}

/* The question belongs to this function. */
static void ask_engine_take(struct conn *conn, struct question *question) {
  const struct manager *manager = question->manager;
  const char *room = question->room;
  size_t len = strlen(room);
  if (is_refused(conn, question)) {
    mem_free(question);
    return;
  }
  list_push(&protocol_of(conn)->questions, &question->node);
  question->read =
      history_read(manager, room, len, history_rule(manager, room, len),
                   &question->page, answer_history, question);
}

static void history_hook_done(const struct call_spec *spec,
                              const struct call_result *result) {
  if (result->verdict == CALL_OK) {
    ask_engine_take(spec->conn, spec->arg);
  } else {
    answer_failure(spec, result);
    mem_free(spec->arg);
  }
}

/* Asks @history, if there is one; the question belongs to this function. */
static void ask_take(struct conn *conn, const struct envelope *env,
                     struct question *question) {
  struct generation *live = protocol_of(conn)->host.live;
  struct call_spec spec = {
      .handler = live->hooks[HOOK_HISTORY],
      .conn = conn,
      .id = env->id,
      .args = {{.kind = CALL_CLIENT},
               {CALL_STRING, question->room, strlen(question->room)},
               {CALL_JSON, env->data, env->data_len}},
      .nargs = 3,
      .done = history_hook_done,
      .arg = question};
  if (spec.handler)
    call_run(live, &spec);
  else
    ask_engine_take(conn, question);
}

void history_message(struct conn *conn, const struct envelope *env) {
  struct question *question = mem_alloc(sizeof *question);
  question->manager = manager_of(conn);
  question->conn = conn->id;
  question->id = env->id;
  list_init(&question->node);
  bool good = read_question(env, question);
  if (!good)
    answer_error(conn, &env->id, ERR_BAD_REQUEST, bad_query);
  if (good && !is_refused(conn, question))
    ask_take(conn, env, question);
  else
    mem_free(question);
}

void history_close(struct protocol *protocol) {
  struct list *node;
  while ((node = list_shift(&protocol->questions))) {
    struct question *question = container_of(node, struct question, node);
    engine_cancel(protocol->manager.engine, question->read);
    mem_free(question);
  }
}
