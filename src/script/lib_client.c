/* SPDX-License-Identifier: MIT
 * The client object of scripts.
 *
 * A userdata that holds a pointer to the connection, NULL once that is over.
 * Its user values are a table of the fields that were read, client.state and
 * client.claims. The objects are found by connection in a table
 * that the generation refers to; a connection that no script has seen has
 * none, and costs Lua nothing. */
#include "script/lib_client.h"

#include "base/err.h"
#include "hub/conn.h"
#include "hub/manager.h"
#include "script/generation.h"
#include "script/json.h"
#include "script/message.h"
#include "script/pack.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

struct box {
  struct conn *conn;  /* NULL when it is over, or elsewhere */
  uint64_t elsewhere; /* its number, if it is another worker's; else 0 */
  int worker;         /* which one, then */
  bool named;         /* the user is known, and in the cache */
};

/* The user values of a box: its fields, each nil until it was first read. So
 * it is one block of memory, which matters with thousands of clients. */
enum field_place {
  USER_ID = 1,
  ID,
  STATE,
  CLAIMS,
  IP,
  CONNECTED_AT,
  HEADERS,
  IS_RAW,
  USER_VALUES = IS_RAW
};

static const char METATABLE[] = "perigee.client";

/* The usual case is decided without looking the metatable up by its name. */
static struct box *check_box(lua_State *L, int index) {
  if (lua_getmetatable(L, index)) {
    bool ours = lua_topointer(L, -1) == generation_of(L)->client_type;
    lua_pop(L, 1);
    if (ours)
      return lua_touserdata(L, index);
  }
  return luaL_checkudata(L, index, METATABLE); /* raises */
}

struct conn *lib_client_check(lua_State *L, int index) {
  struct conn *conn = check_box(L, index)->conn;
  return conn && conn_is_open(conn) ? conn : NULL;
}

uint64_t lib_client_id(lua_State *L, int index) {
  const struct conn *conn = lib_client_check(L, index);
  return conn ? conn->id : check_box(L, index)->elsewhere;
}

static int closed(lua_State *L) {
  lua_pushnil(L);
  lua_pushliteral(L, "closed");
  return 2;
}

/* --- fields ------------------------------------------------------------- */

static void push_id(lua_State *L, const struct conn *conn) {
  lua_pushinteger(L, (lua_Integer)conn->id);
}

static void push_user_id(lua_State *L, const struct conn *conn) {
  lua_pushstring(L, conn_user_id(conn)); /* NULL pushes nil */
}

static void push_ip(lua_State *L, const struct conn *conn) {
  lua_pushstring(L, conn->address->text);
}

static void push_connected_at(lua_State *L, const struct conn *conn) {
  lua_pushinteger(L, (lua_Integer)conn->opened_s);
}

static void push_is_raw(lua_State *L, const struct conn *conn) {
  lua_pushboolean(L, conn->raw);
}

static void push_claims(lua_State *L, const struct conn *conn) {
  if (conn->claims)
    json_decode(L, conn->claims, strlen(conn->claims));
  else
    lua_pushnil(L);
}

static void push_headers(lua_State *L, const struct conn *conn) {
  lua_newtable(L);
  const char *at = conn->headers;
  while (at && *at) {
    const char *value = at + strlen(at) + 1;
    lua_pushstring(L, value);
    lua_setfield(L, -2, at);
    at = value + strlen(value) + 1;
  }
}

static void push_state(lua_State *L, const struct conn *conn) {
  (void)conn;
  lua_newtable(L);
}

typedef void field_fn(lua_State *L, const struct conn *conn);

/* A field is made when it is first read, and kept. */
static const struct field {
  const char *name;
  field_fn *push;
  enum field_place place;
} fields[] = {
    {"id", push_id, ID},
    {"user_id", push_user_id, USER_ID},
    {"ip", push_ip, IP},
    {"connected_at", push_connected_at, CONNECTED_AT},
    {"headers", push_headers, HEADERS},
    {"claims", push_claims, CLAIMS},
    {"state", push_state, STATE},
    {"is_raw", push_is_raw, IS_RAW},
};

static int read_field(lua_State *L, const struct field *field) {
  const struct box *box = check_box(L, 1);
  const struct conn *conn = box->conn;
  if (box->elsewhere &&
      (field->push == push_state || field->push == push_headers))
    return luaL_error(L,
                      "client.%s is on worker %d, where the client is: share "
                      "data by perigee.store",
                      field->name, box->worker + 1);
  if (lua_getiuservalue(L, 1, field->place) != LUA_TNIL)
    return 1;
  if (!conn)
    return 0;
  field->push(L, conn);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, 1, field->place);
  return 1;
}

/* (client, key). Upvalue 1 maps names to methods, and to the entry of `fields`
 * for the others. */
static int client_index(lua_State *L) {
  lua_settop(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TLIGHTUSERDATA)
    return 1; /* a method, or nil */
  return read_field(L, lua_touserdata(L, -1));
}

static int client_newindex(lua_State *L) {
  const struct box *box = check_box(L, 1);
  const char *key = luaL_checkstring(L, 2);
  if (strcmp(key, "state") != 0)
    return luaL_error(L,
                      "client.%s cannot be set; keep your own data in "
                      "client.state",
                      key);
  luaL_checktype(L, 3, LUA_TTABLE);
  if (box->elsewhere)
    return luaL_error(L, "client.state is on worker %d, where the client is",
                      box->worker + 1);
  lua_settop(L, 3);
  lua_setiuservalue(L, 1, STATE);
  return 0;
}

static int client_tostring(lua_State *L) {
  const struct box *box = check_box(L, 1);
  const struct conn *conn = box->conn;
  if (conn)
    lua_pushfstring(L, "client(%I, %s)", (lua_Integer)conn->id,
                    conn_user_name(conn));
  else if (box->elsewhere)
    lua_pushfstring(L, "client(%I, worker %d)", (lua_Integer)box->elsewhere,
                    box->worker + 1);
  else
    lua_pushliteral(L, "client(closed)");
  return 1;
}

/* --- methods ------------------------------------------------------------ */

/* Whether the client at index 1, of another worker, is connected. */
static bool is_there(lua_State *L, const struct box *box) {
  const struct manager *manager = generation_of(L)->host->manager;
  size_t len;
  lua_getiuservalue(L, 1, USER_ID);
  const char *user = lua_tolstring(L, -1, &len);
  bool there =
      whereabouts_has(manager->bus->whereabouts, user, len, box->elsewhere);
  lua_pop(L, 1);
  return there;
}

/* Posts to the worker of the client at index 1. Drops the letter's frame. */
static int ask(lua_State *L, struct bus_letter *letter) {
  const struct box *box = check_box(L, 1);
  letter->to = BUS_CONN;
  letter->conn = box->elsewhere;
  bool posted =
      bus_post(generation_of(L)->host->manager->bus, box->worker, letter);
  if (letter->frame)
    frame_unref(letter->frame);
  if (posted) {
    lua_pushboolean(L, true);
    return 1;
  }
  lua_pushnil(L);
  lua_pushliteral(L, "OVERLOADED");
  return 2;
}

static int ask_elsewhere(lua_State *L, struct bus_letter letter) {
  return is_there(L, check_box(L, 1)) ? ask(L, &letter) : closed(L);
}

/* (client, message) */
static int send_elsewhere(lua_State *L, const struct box *box) {
  if (!is_there(L, box))
    return closed(L);
  return ask(L, &(struct bus_letter){.frame = message_frame(L, 2, NULL, 0)});
}

static int send_take(lua_State *L, struct conn *conn, struct frame *frame) {
  int err = conn_send(conn, frame);
  frame_unref(frame);
  if (err)
    return closed(L);
  lua_pushboolean(L, true);
  return 1;
}

static int client_send(lua_State *L) {
  struct conn *conn = lib_client_check(L, 1);
  message_check_live(L);
  if (check_box(L, 1)->elsewhere)
    return send_elsewhere(L, check_box(L, 1));
  if (!conn)
    return closed(L);
  return send_take(L, conn, message_frame(L, 2, NULL, 0));
}

static void check_raw(lua_State *L, bool raw) {
  if (!raw)
    luaL_error(L, "send_raw is for connections of raw.path: this one expects "
                  "JSON, use client:send");
}

/* (client, payload) */
static int send_raw_elsewhere(lua_State *L, const struct box *box,
                              bool is_binary) {
  lua_getiuservalue(L, 1, IS_RAW);
  check_raw(L, lua_toboolean(L, -1));
  if (!is_there(L, box))
    return closed(L);
  return ask(L,
             &(struct bus_letter){.frame = message_raw_frame(L, 2, is_binary)});
}

static int client_send_raw(lua_State *L) {
  struct conn *conn = lib_client_check(L, 1);
  bool is_binary = lua_toboolean(L, 3);
  message_check_live(L);
  if (check_box(L, 1)->elsewhere)
    return send_raw_elsewhere(L, check_box(L, 1), is_binary);
  if (!conn)
    return closed(L);
  check_raw(L, conn->raw);
  return send_take(L, conn, message_raw_frame(L, 2, is_binary));
}

static const char *check_room(lua_State *L, int index, size_t *len) {
  const char *name = luaL_checklstring(L, index, len);
  if (!manager_room_name_ok(name, *len))
    luaL_argerror(L, index,
                  "a room's name has 1 to 128 bytes and no control characters");
  json_check_utf8(L, index);
  return name;
}

static int do_join(lua_State *L) {
  size_t len;
  const char *name = lua_tolstring(L, 2, &len);
  struct conn *conn = lib_client_check(L, 1);
  int err = conn ? manager_join(conn->manager, conn, name, len) : ERR_CLOSED;
  if (err == ERR_CLOSED)
    return closed(L);
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
  const char *name = check_room(L, 2, &len);
  struct conn *conn = lib_client_check(L, 1);
  const struct handler *hook = generation_of(L)->hooks[HOOK_JOIN];
  message_check_live(L);
  lua_settop(L, 2);
  if (check_box(L, 1)->elsewhere)
    return ask_elsewhere(L,
                         (struct bus_letter){.what = BUS_JOIN, .text = name});
  if (!conn)
    return closed(L);
  const struct room *room = manager_room(conn->manager, name, len);
  if (conn->state != CONN_READY || !hook ||
      (room && manager_is_member(conn, room)))
    return do_join(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, hook->ref);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_callk(L, 2, LUA_MULTRET, 0, after_join_hook);
  return after_join_hook(L, LUA_OK, 0);
}

static int after_leave_hook(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  lua_pushboolean(L, true);
  return 1;
}

static int client_leave(lua_State *L) {
  size_t len;
  const char *name = check_room(L, 2, &len);
  struct conn *conn = lib_client_check(L, 1);
  const struct handler *hook = generation_of(L)->hooks[HOOK_LEAVE];
  if (check_box(L, 1)->elsewhere)
    return ask_elsewhere(L,
                         (struct bus_letter){.what = BUS_LEAVE, .text = name});
  if (!conn)
    return closed(L);
  bool left = manager_leave(conn->manager, conn, name, len) == 0;
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
  const struct box *box = check_box(L, 1);
  if (box->elsewhere)
    return luaL_error(L,
                      "client:rooms() is known on worker %d, where the "
                      "client is: ask perigee.members(room)",
                      box->worker + 1);
  if (!conn)
    return closed(L);
  lua_createtable(L, (int)conn->room_count, 0);
  json_mark_array(L);
  for (uint32_t i = 0; i < conn->room_count; i++) {
    lua_pushstring(L, conn->rooms[i].room->name);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
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
  if (check_box(L, 1)->elsewhere)
    return ask_elsewhere(L, (struct bus_letter){.what = BUS_CLOSE,
                                                .code = (int)code,
                                                .text = reason});
  if (!conn)
    return closed(L);
  conn_close(conn, (int)code, reason);
  lua_pushboolean(L, true);
  return 1;
}

static int client_is_open(lua_State *L) {
  const struct conn *conn = lib_client_check(L, 1);
  const struct box *box = check_box(L, 1);
  lua_pushboolean(L, conn || (box->elsewhere && is_there(L, box)));
  return 1;
}

static const luaL_Reg methods[] = {
    {"send", client_send},       {"send_raw", client_send_raw},
    {"join", client_join},       {"leave", client_leave},
    {"rooms", client_rooms},     {"close", client_close},
    {"is_open", client_is_open}, {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__newindex", client_newindex},
    {"__tostring", client_tostring},
    {NULL, NULL},
};

/* --- objects ------------------------------------------------------------ */

void lib_client_setup(lua_State *L) {
  luaL_newmetatable(L, METATABLE);
  generation_of(L)->client_type = lua_topointer(L, -1);
  luaL_setfuncs(L, metamethods, 0);
  luaL_newlib(L, methods);
  for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
    lua_pushlightuserdata(L, (void *)&fields[i]);
    lua_setfield(L, -2, fields[i].name);
  }
  lua_pushcclosure(L, client_index, 1);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, false);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  lua_newtable(L);
  generation_of(L)->clients = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* Puts the user's id into the cache of the box on top, so that it can be read
 * after the connection is over. */
static void name_box(lua_State *L, struct box *box) {
  push_user_id(L, box->conn);
  lua_setiuservalue(L, -2, USER_ID);
  push_id(L, box->conn);
  lua_setiuservalue(L, -2, ID);
  box->named = true;
}

static struct box *new_box(lua_State *L, struct conn *conn) {
  struct box *box = lua_newuserdatauv(L, sizeof *box, USER_VALUES);
  *box = (struct box){0};
  luaL_setmetatable(L, METATABLE);
  box->conn = conn;
  return box;
}

void lib_client_push(lua_State *L, struct conn *conn) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, generation_of(L)->clients);
  if (lua_rawgeti(L, -1, conn->slot) == LUA_TNIL) {
    lua_pop(L, 1);
    new_box(L, conn);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, conn->slot);
  }
  lua_remove(L, -2);
  struct box *box = lua_touserdata(L, -1);
  if (!box->named && conn->state != CONN_NEW)
    name_box(L, box);
}

void lib_client_push_elsewhere(lua_State *L,
                               const struct whereabouts_conn *conn) {
  struct box *box = new_box(L, NULL);
  lua_pushinteger(L, (lua_Integer)conn->id);
  lua_setiuservalue(L, -2, ID);
  lua_pushinteger(L, (lua_Integer)conn->opened_s);
  lua_setiuservalue(L, -2, CONNECTED_AT);
  lua_pushstring(L, conn->user);
  lua_setiuservalue(L, -2, USER_ID);
  lua_pushstring(L, conn->address);
  lua_setiuservalue(L, -2, IP);
  lua_pushboolean(L, conn->raw);
  lua_setiuservalue(L, -2, IS_RAW);
  if (conn->claims) {
    json_decode(L, conn->claims, strlen(conn->claims));
    lua_setiuservalue(L, -2, CLAIMS);
  }
  box->elsewhere = conn->id;
  box->worker = conn->worker;
  box->named = true;
}

void lib_client_release(struct generation *generation, struct conn *conn) {
  lua_State *L = generation->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, generation->clients);
  if (lua_rawgeti(L, -1, conn->slot) == LUA_TUSERDATA) {
    struct box *box = lua_touserdata(L, -1);
    box->conn = NULL;
    lua_pushnil(L);
    lua_rawseti(L, -3, conn->slot); /* an existing key: allocates nothing */
  }
  lua_pop(L, 2);
}

void lib_client_release_all(struct generation *generation) {
  lua_State *L = generation->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, generation->clients);
  lua_pushnil(L);
  while (lua_next(L, -2)) { /* clients conn box */
    ((struct box *)lua_touserdata(L, -1))->conn = NULL;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

void lib_client_forget_claims(struct generation *generation,
                              struct conn *conn) {
  lua_State *L = generation->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, generation->clients);
  if (lua_rawgeti(L, -1, conn->slot) == LUA_TUSERDATA) {
    lua_pushnil(L);
    lua_setiuservalue(L, -2, CLAIMS);
  }
  lua_pop(L, 2);
}

/* What one client's state may take while it is copied. */
enum { STATE_BYTES = 16 << 20 };

/* `from` has a box on top. */
static void copy_state(lua_State *from, lua_State *to) {
  const struct box *box = lua_touserdata(from, -1);
  if (lua_getiuservalue(from, -1, STATE) == LUA_TTABLE && box->conn) {
    struct generation *generation = generation_of(to);
    struct buf *packed = &generation->scratch;
    char name[64];
    struct pack_from state = {from, lua_gettop(from), name, STATE_BYTES,
                              &generation->budget};
    snprintf(name, sizeof name, "conn=%llu client.state",
             (unsigned long long)box->conn->id);
    lib_client_push(to, box->conn);
    buf_reset(packed, GENERATION_SCRATCH_KEEP);
    pack_write(&state, to, packed);
    lua_pushlstring(to, packed->data, packed->len);
    pack_read(to);
    lua_setiuservalue(to, -2, STATE);
    lua_pop(to, 1);
  }
  lua_pop(from, 1);
}

void lib_client_copy_state(lua_State *from, lua_State *to, struct conn *conn) {
  lua_rawgeti(from, LUA_REGISTRYINDEX, generation_of(from)->clients);
  if (lua_rawgeti(from, -1, conn->slot) == LUA_TUSERDATA)
    copy_state(from, to);
  lua_pop(from, 2);
}

void lib_client_copy_states(lua_State *from, lua_State *to) {
  lua_rawgeti(from, LUA_REGISTRYINDEX, generation_of(from)->clients);
  lua_pushnil(from);
  while (lua_next(from, -2)) { /* from: clients conn box */
    copy_state(from, to);
    lua_pop(from, 1);
  }
  lua_pop(from, 1);
}
