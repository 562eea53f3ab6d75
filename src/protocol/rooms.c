/* SPDX-License-Identifier: MIT
 * Joining and leaving. */
#include "protocol/rooms.h"

#include "base/mem.h"
#include "protocol/answer.h"
#include "protocol/field.h"
#include "protocol/protocol.h"

static const char bad_room[] =
    "data.room: expected a string of 1 to 128 bytes without control characters";

static bool room_name(const struct envelope *env,
                      char name[ROOM_NAME_BYTES + 1], size_t *len) {
  return field_string(env, "room", name, ROOM_NAME_BYTES + 1, len) &&
         manager_room_name_ok(name, *len);
}

static struct call_arg string(const char *text, size_t len) {
  return (struct call_arg){CALL_STRING, text, len};
}

static void join(struct conn *conn, const struct msg_id *id, const char *name,
                 const char *json, size_t len) {
  int err = manager_join(conn->manager, conn, name, strlen(name));
  if (err == ERR_LIMIT_EXCEEDED)
    answer_error(conn, id, ERR_LIMIT_EXCEEDED, "too many rooms");
  else if (!err)
    answer_reply(conn, id, json, len);
}

static void decide(const struct call_spec *spec,
                   const struct call_result *result) {
  if (result->verdict != CALL_OK) {
    answer_failure(spec->conn, &spec->id, result);
    return;
  }
  /* A table becomes the reply's data; true and the like only let in. */
  const struct call_arg *value = &result->value[0];
  bool table = value->len > 0 && strchr("[{", *value->text);
  join(spec->conn, &spec->id, spec->arg, value->text, table ? value->len : 0);
}

static void join_hook_done(const struct call_spec *spec,
                           const struct call_result *result) {
  decide(spec, result);
  mem_free(spec->arg); /* the room's name */
}

/* Asks @join, if there is one and it has anything to say. `data` is the
 * message's, JSON, or NULL. */
static void ask_and_join(struct conn *conn, const struct msg_id *id,
                         const char *name, const char *data, size_t len) {
  const struct handler *hook = protocol_of(conn)->host.live->hooks[HOOK_JOIN];
  if (!hook) {
    join(conn, id, name, NULL, 0);
    return;
  }
  struct call_spec spec = {.handler = hook,
                           .conn = conn,
                           .id = *id,
                           .args = {{.kind = CALL_CLIENT},
                                    string(name, strlen(name)),
                                    {data ? CALL_JSON : CALL_NIL, data, len}},
                           .nargs = 3,
                           .results = 1,
                           .done = join_hook_done,
                           .arg = mem_strdup(name)};
  call_run(protocol_of(conn)->host.live, &spec);
}

static int leave(struct conn *conn, const char *name) {
  struct generation *live = protocol_of(conn)->host.live;
  size_t len = strlen(name);
  int err = manager_leave(conn->manager, conn, name, len);
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

void rooms_join(struct conn *conn, const struct envelope *env) {
  char name[ROOM_NAME_BYTES + 1];
  size_t len;
  if (room_name(env, name, &len))
    ask_and_join(conn, &env->id, name, env->data, env->data_len);
  else
    answer_error(conn, &env->id, ERR_BAD_REQUEST, bad_room);
}

void rooms_leave(struct conn *conn, const struct envelope *env) {
  char name[ROOM_NAME_BYTES + 1];
  size_t len;
  if (!room_name(env, name, &len)) {
    answer_error(conn, &env->id, ERR_BAD_REQUEST, bad_room);
    return;
  }
  answer_reply(conn, &env->id, NULL, 0);
  (void)leave(conn, name); /* whether it was in there is the same to it */
}

/* Nobody asked by a message, so nobody is answered. */
static const struct msg_id no_id = {.kind = MSG_ID_NONE};

void rooms_join_by_script(struct conn *conn, const char *name) {
  const struct room *room = manager_room(conn->manager, name, strlen(name));
  if (conn->state == CONN_READY && !(room && manager_is_member(conn, room)))
    ask_and_join(conn, &no_id, name, NULL, 0);
}

void rooms_leave_by_script(struct conn *conn, const char *name) {
  (void)leave(conn, name);
}
