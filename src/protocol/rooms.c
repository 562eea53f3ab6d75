/* SPDX-License-Identifier: MIT
 * Joining and leaving. */
#include "protocol/rooms.h"

#include "base/mem.h"
#include "hub/declared.h"
#include "hub/welcome.h"
#include "protocol/answer.h"
#include "protocol/client.h"
#include "protocol/field.h"
#include "protocol/recover.h"
#include "protocol/settle.h"
#include "trace/span.h"

#include <stdio.h>

static const char bad_room[] =
    "data.room: expected a string of 1 to 128 bytes without control characters";
static const char bad_since[] =
    "data.since: expected {\"epoch\":\"…\",\"seq\":N} or {\"last\":N}";
static const char for_scripts[] =
    "a room whose name begins with ~ is joined and left by scripts only";

/* Nobody asked by a message, so nobody is answered. */
static const struct msg_id no_id = {.kind = MSG_ID_NONE};

static struct call_arg string(const char *text, size_t len) {
  return (struct call_arg){CALL_STRING, text, len};
}

/* The room that a message names. If it is none for it, that is answered. */
static bool read_room(struct conn *conn, const struct envelope *env,
                      char name[ROOM_NAME_BYTES + 1]) {
  size_t len;
  bool is_name = field_string(env, "room", name, ROOM_NAME_BYTES + 1, &len) &&
                 manager_room_name_ok(name, len);
  if (!is_name)
    answer_error(conn, &env->id, ERR_BAD_REQUEST, bad_room);
  else if (*name == '~')
    answer_error(conn, &env->id, ERR_FORBIDDEN, for_scripts);
  if (is_name && trace_is_on())
    span_touch_room(name, len);
  return is_name && *name != '~';
}

/* A join that @join decides about. */
struct asked {
  struct since since;
  char name[ROOM_NAME_BYTES + 1];
};

/* What @join said: a table is for the client; true and the like only let in. */
static struct call_arg table_of(const struct call_result *result) {
  struct call_arg value = result->value[0];
  if (value.len > 0 && !strchr("[{", *value.text))
    value.len = 0;
  return value;
}

/* Asks @join; false if there is none. `data` is the message's, JSON or nil. */
static bool ask_hook(struct conn *conn, const struct msg_id *id,
                     const struct asked *asked, struct call_arg data,
                     call_done_fn *done) {
  const char *name = asked->name;
  struct generation *live = protocol_of(conn)->host.live;
  struct call_spec spec = {
      .handler = live->hooks[HOOK_JOIN],
      .conn = conn,
      .id = *id,
      .args = {{.kind = CALL_CLIENT}, string(name, strlen(name)), data},
      .nargs = 3,
      .results = 1,
      .done = done};
  if (!spec.handler)
    return false;
  struct asked *copy = mem_alloc_raw(sizeof *copy); /* `done` frees it */
  *copy = *asked;
  spec.arg = copy;
  call_run(live, &spec);
  return true;
}

static int leave_room(struct conn *conn, const char *name) {
  struct generation *live = protocol_of(conn)->host.live;
  size_t len = strlen(name);
  int err = manager_leave(manager_of(conn), conn, name, len);
  if (err || !live->hooks[HOOK_LEAVE])
    return err;
  struct call_spec spec = {
      .handler = live->hooks[HOOK_LEAVE],
      .conn = conn,
      .args = {{.kind = CALL_CLIENT}, string(name, len), string("left", 4)},
      .nargs = 3};
  call_run(live, &spec);
  return 0;
}

static const struct room *known_room(const struct conn *conn,
                                     const char *name) {
  return manager_room(manager_of(conn), name, strlen(name));
}

static bool is_member_of(const struct conn *conn, const char *name) {
  const struct room *room = known_room(conn, name);
  return room && manager_is_member(conn, room);
}

/* What the client is told of the room that it has joined: what @join said, and
 * what there is to say of the room. That is written to `out`, which the caller
 * frees. */
static struct call_arg welcome(const struct conn *conn, const char *name,
                               struct call_arg said, struct buf *out) {
  const struct room *room = known_room(conn, name);
  if (!room || !welcome_has(room))
    return said;
  buf_put(out, said.text, said.len);
  welcome_add(out, 0, conn, room);
  return (struct call_arg){CALL_JSON, out->data, out->len};
}

/* --- by a message ------------------------------------------------------- */

static void answer_join(struct conn *conn, const struct msg_id *id,
                        const char *name, struct call_arg said) {
  struct buf out = {0};
  if (id->kind == MSG_ID_NONE)
    return;
  struct call_arg data = welcome(conn, name, said, &out);
  answer_reply(conn, id, data.text, data.len);
  buf_free(&out);
}

static void enter_and_answer(struct conn *conn, const struct msg_id *id,
                             const struct asked *asked, struct call_arg data) {
  struct manager *manager = manager_of(conn);
  size_t len = strlen(asked->name);
  struct since since = asked->since;
  since.again = is_member_of(conn, asked->name);
  int err = manager_join(manager, conn, asked->name, len);
  if (err == ERR_LIMIT_EXCEEDED)
    answer_error(conn, id, ERR_LIMIT_EXCEEDED, "too many rooms");
  if (err)
    return;
  struct room *room = manager_room(manager, asked->name, len);
  if (declared_numbered(room))
    recover_join(conn, id, room, &since, data);
  else
    answer_join(conn, id, asked->name, data);
}

/* A join that waits until other machines are heard. */
struct waiting_join {
  struct msg_id id;
  struct asked asked;
  struct call_arg data; /* its text is `text` */
  char text[];
};

static struct waiting_join *new_waiting_join(const struct msg_id *id,
                                             const struct asked *asked,
                                             struct call_arg data) {
  struct waiting_join *join = mem_alloc(sizeof *join + data.len);
  join->id = *id;
  join->asked = *asked;
  join->data = data;
  if (data.len > 0)
    join->data.text = memcpy(join->text, data.text, data.len);
  return join;
}

static bool has_numbers(const struct conn *conn, const char *name) {
  const struct rule *rule =
      rules_find(manager_of(conn)->rules, name, strlen(name));
  return rule && rule->numbered;
}

/* Who others are is not known now: a room without numbers is joined all the
 * same, and heard in full when they are there again. */
static void on_room_settled(struct conn *conn, void *arg, int err,
                            uint32_t elsewhere) {
  (void)elsewhere;
  struct waiting_join *join = arg;
  if (err && has_numbers(conn, join->asked.name))
    answer_error(conn, &join->id, (enum err)err, NULL);
  else if (conn_is_let_in(conn))
    enter_and_answer(conn, &join->id, &join->asked, join->data);
  mem_free(join);
}

static void join_and_answer(struct conn *conn, const struct msg_id *id,
                            const struct asked *asked, struct call_arg data) {
  if (manager_of(conn)->others) {
    struct waiting_join *join = new_waiting_join(id, asked, data);
    if (settle_begin(conn, BUS_ROOM, asked->name, strlen(asked->name),
                     on_room_settled, join))
      return;
    mem_free(join);
  }
  enter_and_answer(conn, id, asked, data);
}

static void join_hook_done(const struct call_spec *spec,
                           const struct call_result *result) {
  if (result->verdict == CALL_OK)
    join_and_answer(spec->conn, &spec->id, spec->arg, table_of(result));
  else
    answer_failure(spec, result);
  mem_free(spec->arg);
}

/* `since` is ours where messages have numbers. Elsewhere it may be a word of
 * the scripts. */
static bool read_since(struct conn *conn, const struct envelope *env,
                       struct asked *asked) {
  const struct rule *rule =
      rules_find(manager_of(conn)->rules, asked->name, strlen(asked->name));
  asked->since = (struct since){.kind = SINCE_NOW};
  if (!rule || !rule->numbered || !since_read(env, &asked->since))
    return true;
  answer_error(conn, &env->id, ERR_BAD_REQUEST, bad_since);
  return false;
}

void rooms_join(struct conn *conn, const struct envelope *env) {
  struct asked asked;
  struct call_arg data = {env->data ? CALL_JSON : CALL_NIL, env->data,
                          env->data_len};
  if (read_room(conn, env, asked.name) && read_since(conn, env, &asked) &&
      !ask_hook(conn, &env->id, &asked, data, join_hook_done))
    join_and_answer(conn, &env->id, &asked, (struct call_arg){.len = 0});
}

void rooms_leave(struct conn *conn, const struct envelope *env) {
  char name[ROOM_NAME_BYTES + 1];
  if (!read_room(conn, env, name))
    return;
  answer_reply(conn, &env->id, NULL, 0);
  (void)leave_room(conn, name); /* whether it was in there is the same to it */
}

/* --- by a script of another worker --------------------------------------- */

static void take_in_now(struct conn *conn, const char *name,
                        struct call_arg said) {
  struct buf out = {0};
  if (is_member_of(conn, name) ||
      manager_join(manager_of(conn), conn, name, strlen(name)))
    return;
  struct call_arg data = welcome(conn, name, said, &out);
  answer_membership(conn, "joined", name, data.text, data.len);
  buf_free(&out);
}

static void on_taken_room_settled(struct conn *conn, void *arg, int err,
                                  uint32_t elsewhere) {
  (void)elsewhere;
  struct waiting_join *join = arg;
  if ((!err || !has_numbers(conn, join->asked.name)) && conn_is_let_in(conn))
    take_in_now(conn, join->asked.name, join->data);
  mem_free(join);
}

static void take_in(struct conn *conn, const struct asked *asked,
                    struct call_arg said) {
  if (manager_of(conn)->others) {
    struct waiting_join *join = new_waiting_join(&no_id, asked, said);
    if (settle_begin(conn, BUS_ROOM, asked->name, strlen(asked->name),
                     on_taken_room_settled, join))
      return;
    mem_free(join);
  }
  take_in_now(conn, asked->name, said);
}

static void take_in_hook_done(const struct call_spec *spec,
                              const struct call_result *result) {
  const struct asked *asked = spec->arg;
  if (result->verdict == CALL_OK)
    take_in(spec->conn, asked, table_of(result));
  mem_free(spec->arg);
}

void rooms_join_by_script(struct conn *conn, const char *name) {
  const struct call_arg nothing = {.kind = CALL_NIL};
  struct asked asked = {.since = {.kind = SINCE_NOW}};
  snprintf(asked.name, sizeof asked.name, "%s", name);
  if (conn_is_let_in(conn) && !is_member_of(conn, name) &&
      !ask_hook(conn, &no_id, &asked, nothing, take_in_hook_done))
    take_in(conn, &asked, nothing);
}

void rooms_leave_by_script(struct conn *conn, const char *name) {
  if (is_member_of(conn, name)) {
    answer_membership(conn, "left", name, NULL, 0);
    (void)leave_room(conn, name);
  }
}
