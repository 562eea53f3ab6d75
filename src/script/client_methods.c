/* SPDX-License-Identifier: MIT
 * What scripts can have a client do.
 *
 * To one of another worker it is asked in a letter: it happens there, a moment
 * later. */
#include "script/client_box.h"

#include "base/err.h"
#include "hub/late.h"
#include "hub/manager.h"
#include "hub/welcome.h"
#include "script/generation.h"
#include "script/json.h"
#include "script/json_mark.h"
#include "script/lib_client.h"
#include "script/message.h"
#include "script/others.h"
#include "script/wait.h"
#include "trace/sent.h"

#include <lauxlib.h>
#include <string.h>

/* Whether the client at index 1, of another worker, is connected. */
static bool is_there(lua_State *L, const struct client_box *box) {
  const struct manager *manager = generation_of(L)->host->manager;
  size_t len;
  if (box->machine)
    return true; /* as far as it is known here */
  lua_getiuservalue(L, 1, FIELD_USER_ID);
  const char *user = lua_tolstring(L, -1, &len);
  bool there =
      whereabouts_has(manager->bus->whereabouts, user, len, box->elsewhere);
  lua_pop(L, 1);
  return there;
}

/* Whether the letter was given to the machine of the box. */
static bool send_to_machine(lua_State *L, const struct client_box *box,
                            const struct bus_letter *letter) {
  struct engine *others = generation_of(L)->host->manager->others;
  struct engine_parcel parcel = {.letter = letter, .machine = box->machine};
  return engine_send(others, &parcel) == 0;
}

static void tell_send(uint64_t conn, const struct frame *frame, bool sent) {
  sent_tell_frame(
      (struct sent_note){.to = "conn", .conn = conn, .receivers = sent}, frame);
}

/* Posts to the worker of the client at index 1. Drops the letter's frame. */
static int ask_worker(lua_State *L, struct bus_letter *letter) {
  const struct client_box *box = client_box_check(L, 1);
  letter->to = BUS_CONN;
  letter->conn = box->elsewhere;
  bool posted = box->machine ? send_to_machine(L, box, letter)
                             : bus_post(generation_of(L)->host->manager->bus,
                                        box->worker, letter);
  if (letter->frame && trace_is_told())
    tell_send(box->elsewhere, letter->frame, posted);
  if (letter->frame)
    frame_unref(letter->frame);
  if (posted) {
    lua_pushboolean(L, true);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, box->machine ? "UNAVAILABLE" : "OVERLOADED");
  return 2;
}

static int ask_elsewhere(lua_State *L, struct bus_letter letter) {
  return is_there(L, client_box_check(L, 1)) ? ask_worker(L, &letter)
                                             : client_box_closed(L);
}

/* (client, message) */
static int ask_worker_to_send(lua_State *L, const struct client_box *box) {
  if (!is_there(L, box))
    return client_box_closed(L);
  return ask_worker(L, &(struct bus_letter){.frame = message_frame(L, 2)});
}

static int send_take(lua_State *L, struct conn *conn, struct frame *frame) {
  int err = late_send(conn, frame);
  if (trace_is_told())
    tell_send(conn->id, frame, err == 0);
  frame_unref(frame);
  if (err)
    return client_box_closed(L);
  lua_pushboolean(L, true);
  return 1;
}

static int client_send(lua_State *L) {
  struct conn *conn = lib_client_check(L, 1);
  message_check_live(L);
  if (client_box_check(L, 1)->elsewhere)
    return ask_worker_to_send(L, client_box_check(L, 1));
  if (!conn)
    return client_box_closed(L);
  return send_take(L, conn, message_frame(L, 2));
}

static void check_is_raw(lua_State *L, bool raw) {
  if (!raw)
    luaL_error(L, "send_raw is for connections of raw.path: this one expects "
                  "JSON, use client:send");
}

/* (client, payload) */
static int send_raw_elsewhere(lua_State *L, const struct client_box *box,
                              bool is_binary) {
  lua_getiuservalue(L, 1, FIELD_IS_RAW);
  check_is_raw(L, lua_toboolean(L, -1));
  if (!is_there(L, box))
    return client_box_closed(L);
  return ask_worker(
      L, &(struct bus_letter){.frame = message_raw_frame(L, 2, is_binary)});
}

static int client_send_raw(lua_State *L) {
  struct conn *conn = lib_client_check(L, 1);
  bool is_binary = lua_toboolean(L, 3);
  message_check_live(L);
  if (client_box_check(L, 1)->elsewhere)
    return send_raw_elsewhere(L, client_box_check(L, 1), is_binary);
  if (!conn)
    return client_box_closed(L);
  check_is_raw(L, conn->raw);
  return send_take(L, conn, message_raw_frame(L, 2, is_binary));
}

/* Raises if the client is on another machine, where nobody can look. */
static void client_box_here(lua_State *L, const struct client_box *box,
                            const char *method) {
  if (box->machine)
    luaL_error(L,
               "client:%s() is known on another machine, where the client is",
               method);
}

static const char *check_room_name(lua_State *L, int index, size_t *len) {
  const char *name = luaL_checklstring(L, index, len);
  if (!manager_room_name_ok(name, *len))
    luaL_argerror(L, index,
                  "a room's name has 1 to 128 bytes and no control characters");
  json_check_utf8(L, index);
  return name;
}

static bool is_room_member(const struct conn *conn, const char *name,
                           size_t len) {
  const struct room *room = manager_room(manager_of(conn), name, len);
  return room && manager_is_member(conn, room);
}

/* Tells the client that it has joined; what begins that message is in the
 * scratch, its data at `data_at`. */
static void tell_joined(lua_State *L, struct conn *conn, const char *name,
                        size_t len, size_t data_at) {
  const struct room *room = manager_room(manager_of(conn), name, len);
  if (room && welcome_has(room))
    welcome_add(&generation_of(L)->scratch, data_at, conn, room);
  struct frame *frame = message_joined_end(L, data_at);
  (void)conn_send(conn, frame); /* full: it is closed */
  frame_unref(frame);
}

/* Joins; the client is told, if it was no member before. What may raise comes
 * before the join. */
static int join_and_tell(lua_State *L, struct conn *conn, const char *name,
                         size_t len) {
  bool is_new = !is_room_member(conn, name, len);
  size_t data_at = 0;
  if (!conn->raw)
    data_at = message_joined_begin(L, 3, name, len);
  int err = manager_join(manager_of(conn), conn, name, len);
  if (!err && is_new && !conn->raw)
    tell_joined(L, conn, name, len, data_at);
  return err;
}

/* The stack holds client, room, and, if it was asked, what @join returned: the
 * client is told a table, as in the reply to a join of its own. */
static int join_now(lua_State *L) {
  size_t len;
  const char *name = lua_tolstring(L, 2, &len);
  struct conn *conn = lib_client_check(L, 1);
  int err = ERR_CLOSED;
  if (conn)
    err = join_and_tell(L, conn, name, len);
  if (err == ERR_CLOSED)
    return client_box_closed(L);
  if (err) {
    lua_pushnil(L);
    lua_pushstring(L, err_name((enum err)err));
    lua_pushstring(L, err == ERR_LIMIT_EXCEEDED ? "too many rooms"
                                                : "not before auth_ok");
    return 3;
  }
  lua_pushboolean(L, true);
  return 1;
}

/* What others say in a room with numbers must be heard before it is joined. */
static int join_settled(lua_State *L, const struct engine_news *news) {
  size_t len;
  const char *name = lua_tolstring(L, 2, &len);
  const struct rule *rule =
      rules_find(generation_of(L)->host->manager->rules, name, len);
  if (!news->err || !rule || !rule->numbered)
    return join_now(L);
  lua_pushnil(L);
  lua_pushstring(L, err_name((enum err)news->err));
  lua_pushstring(L, err_text((enum err)news->err));
  return 3;
}

/* With other machines it waits, where that is possible, until what they send to
 * the room is heard. */
static int do_join(lua_State *L) {
  size_t len;
  const char *name = lua_tolstring(L, 2, &len);
  const struct conn *conn = lib_client_check(L, 1);
  if (!conn || !others_are_there(L) || !wait_can(L) ||
      is_room_member(conn, name, len))
    return join_now(L);
  return others_settle(L, "join", BUS_ROOM, name, len, true, join_settled);
}

/* The stack holds client, room, and what @join returned. */
static int after_join_hook(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  if (lua_isnil(L, 3) && !lua_isnoneornil(L, 4))
    return lua_gettop(L) - 2; /* nil, code, text: as the hook said it */
  return do_join(L);
}

static int client_join(lua_State *L) {
  size_t len;
  const char *name = check_room_name(L, 2, &len);
  struct conn *conn = lib_client_check(L, 1);
  const struct handler *hook = generation_of(L)->hooks[HOOK_JOIN];
  message_check_live(L);
  lua_settop(L, 2);
  if (client_box_check(L, 1)->elsewhere)
    return ask_elsewhere(L,
                         (struct bus_letter){.what = BUS_JOIN, .text = name});
  if (!conn)
    return client_box_closed(L);
  if (!conn_is_let_in(conn) || !hook || is_room_member(conn, name, len))
    return do_join(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, hook->ref);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_callk(L, 2, LUA_MULTRET, 0, after_join_hook);
  return after_join_hook(L, LUA_OK, 0);
}

static void tell_left(struct conn *conn, struct buf *out, const char *name,
                      size_t len) {
  buf_reset(out, GENERATION_SCRATCH_KEEP);
  message_room_begin(out, "left", name, len);
  buf_putc(out, '}');
  struct frame *frame = frame_new(FRAME_TEXT, out->data, out->len);
  (void)conn_send(conn, frame); /* full: it is closed */
  frame_unref(frame);
}

static int after_leave_hook(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  lua_pushboolean(L, true);
  return 1;
}

static int client_leave(lua_State *L) {
  size_t len;
  const char *name = check_room_name(L, 2, &len);
  struct conn *conn = lib_client_check(L, 1);
  const struct handler *hook = generation_of(L)->hooks[HOOK_LEAVE];
  if (client_box_check(L, 1)->elsewhere)
    return ask_elsewhere(L,
                         (struct bus_letter){.what = BUS_LEAVE, .text = name});
  if (!conn)
    return client_box_closed(L);
  bool left = manager_leave(manager_of(conn), conn, name, len) == 0;
  if (left && !conn->raw)
    tell_left(conn, &generation_of(L)->scratch, name, len);
  if (left && hook) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, hook->ref);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushliteral(L, "left");
    lua_callk(L, 3, 0, 0, after_leave_hook);
  }
  lua_pushboolean(L, left);
  return 1;
}

static int client_rooms(lua_State *L) {
  const struct conn *conn = lib_client_check(L, 1);
  const struct client_box *box = client_box_check(L, 1);
  client_box_here(L, box, "rooms");
  if (box->elsewhere)
    return luaL_error(L,
                      "client:rooms() is known on worker %d, where the "
                      "client is: ask perigee.members(room)",
                      box->worker + 1);
  if (!conn)
    return client_box_closed(L);
  lua_createtable(L, (int)conn->room_count, 0);
  json_mark_array(L);
  for (uint32_t i = 0; i < conn->room_count; i++) {
    lua_pushstring(L, conn->rooms[i].room->name);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

/* (client, room) */
static int client_is_in(lua_State *L) {
  size_t len;
  const char *name = luaL_checklstring(L, 2, &len);
  const struct conn *conn = lib_client_check(L, 1);
  const struct client_box *box = client_box_check(L, 1);
  const struct manager *manager = generation_of(L)->host->manager;
  client_box_here(L, box, "is_in");
  if (box->elsewhere && is_there(L, box)) {
    lua_getiuservalue(L, 1, FIELD_USER_ID);
    lua_pushboolean(L, whereabouts_is_in(manager->bus->whereabouts, name, len,
                                         lua_tostring(L, -1), box->elsewhere));
    return 1;
  }
  if (!conn)
    return client_box_closed(L);
  lua_pushboolean(L, is_room_member(conn, name, len));
  return 1;
}

/* What it says of itself, as JSON that ends in NUL, in the scratch. Empty if it
 * says nothing. Returns its length. */
static size_t write_info(lua_State *L, struct buf *out) {
  buf_reset(out, GENERATION_SCRATCH_KEEP);
  if (!lua_isnoneornil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    json_encode(L, 2, out, &generation_of(L)->sending);
  }
  size_t len = out->len;
  buf_putc(out, 0);
  return len;
}

/* (client, info) */
static int client_set_info(lua_State *L) {
  struct buf *out = &generation_of(L)->scratch;
  struct conn *conn = lib_client_check(L, 1);
  size_t len = write_info(L, out);
  if (len > PRESENCE_INFO_BYTES) {
    lua_pushnil(L);
    lua_pushstring(L, err_name(ERR_TOO_LARGE));
    lua_pushfstring(L, "an info has at most %d bytes of JSON, not %d",
                    PRESENCE_INFO_BYTES, (int)len);
    return 3;
  }
  if (client_box_check(L, 1)->elsewhere)
    return ask_elsewhere(
        L, (struct bus_letter){.what = BUS_INFO, .text = out->data});
  if (!conn)
    return client_box_closed(L);
  roster_tell_take(conn, len > 0 ? presence_info_new(out->data, len) : NULL);
  lua_pushboolean(L, true);
  return 1;
}

static int client_close(lua_State *L) {
  struct conn *conn = lib_client_check(L, 1);
  lua_Integer code = luaL_optinteger(L, 2, CLOSE_KICKED);
  const char *reason = luaL_optstring(L, 3, NULL);
  luaL_argcheck(L, code > 0 && code <= 4999 && close_is_legal((int)code), 2,
                "a close code is 1000 to 1003, 1007 to 1014 or 3000 to 4999");
  if (reason) {
    luaL_argcheck(L, strlen(reason) <= CLOSE_REASON_BYTES, 3,
                  "a close reason has at most 123 bytes");
    json_check_utf8(L, 3);
  }
  if (client_box_check(L, 1)->elsewhere)
    return ask_elsewhere(L, (struct bus_letter){.what = BUS_CLOSE,
                                                .code = (int)code,
                                                .text = reason});
  if (!conn)
    return client_box_closed(L);
  conn_close(conn, (int)code, reason);
  lua_pushboolean(L, true);
  return 1;
}

static int client_is_open(lua_State *L) {
  const struct conn *conn = lib_client_check(L, 1);
  const struct client_box *box = client_box_check(L, 1);
  client_box_here(L, box, "is_open");
  lua_pushboolean(L, conn || (box->elsewhere && is_there(L, box)));
  return 1;
}

static const luaL_Reg methods[] = {
    {"send", client_send},         {"send_raw", client_send_raw},
    {"join", client_join},         {"leave", client_leave},
    {"is_in", client_is_in},       {"rooms", client_rooms},
    {"set_info", client_set_info}, {"close", client_close},
    {"is_open", client_is_open},   {NULL, NULL},
};

void client_methods_push(lua_State *L) {
  luaL_newlib(L, methods);
}
