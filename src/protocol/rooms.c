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

void rooms_join(struct conn *conn, const struct envelope *env) {
  struct generation *live = protocol_of(conn)->host.live;
  char name[ROOM_NAME_BYTES + 1];
  size_t len;
  if (!room_name(env, name, &len)) {
    answer_error(conn, &env->id, ERR_BAD_REQUEST, bad_room);
    return;
  }
  if (!live->hooks[HOOK_JOIN]) {
    join(conn, &env->id, name, NULL, 0);
    return;
  }
  struct call_spec spec = {.handler = live->hooks[HOOK_JOIN],
                           .conn = conn,
                           .id = env->id,
                           .args = {{.kind = CALL_CLIENT},
                                    string(name, len),
                                    {CALL_JSON, env->data, env->data_len}},
                           .nargs = 3,
                           .want_result = true,
                           .done = join_hook_done,
                           .arg = mem_strndup(name, len)};
  call_run(live, &spec);
}

void rooms_leave(struct conn *conn, const struct envelope *env) {
  struct generation *live = protocol_of(conn)->host.live;
  char name[ROOM_NAME_BYTES + 1];
  size_t len;
  if (!room_name(env, name, &len)) {
    answer_error(conn, &env->id, ERR_BAD_REQUEST, bad_room);
    return;
  }
  int err = manager_leave(conn->manager, conn, name, len);
  answer_reply(conn, &env->id, NULL, 0);
  if (err || !live->hooks[HOOK_LEAVE])
    return;
  struct call_spec spec = {
      .handler = live->hooks[HOOK_LEAVE],
      .conn = conn,
      .args = {{.kind = CALL_CLIENT}, string(name, len), string("left", 4)},
      .nargs = 3};
  call_run(live, &spec);
}
