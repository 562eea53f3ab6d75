/* SPDX-License-Identifier: MIT
 * The client object of scripts.
 *
 * A userdata that holds a pointer to the connection, NULL once that is over.
 * Its user values are a table of the fields that were read, client.state and
 * client.claims. The objects are found by connection in a table
 * that the generation refers to; a connection that no script has seen has
 * none, and costs Lua nothing. */
#include "script/lib_client.h"

#include "hub/conn.h"
#include "hub/manager.h"
#include "script/client_box.h"
#include "script/generation.h"
#include "script/json.h"
#include "script/pack.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

static const char METATABLE[] = "perigee.client";

/* The usual case is decided without looking the metatable up by its name. */
struct client_box *client_box_check(lua_State *L, int index) {
  if (lua_getmetatable(L, index)) {
    bool ours = lua_topointer(L, -1) == generation_of(L)->client_type;
    lua_pop(L, 1);
    if (ours)
      return lua_touserdata(L, index);
  }
  return luaL_checkudata(L, index, METATABLE); /* raises */
}

struct conn *lib_client_check(lua_State *L, int index) {
  struct conn *conn = client_box_check(L, index)->conn;
  return conn && conn_is_open(conn) ? conn : NULL;
}

uint64_t lib_client_id(lua_State *L, int index) {
  const struct conn *conn = lib_client_check(L, index);
  return conn ? conn->id : client_box_check(L, index)->elsewhere;
}

int client_box_closed(lua_State *L) {
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
    {"id", push_id, FIELD_ID},
    {"user_id", push_user_id, FIELD_USER_ID},
    {"ip", push_ip, FIELD_IP},
    {"connected_at", push_connected_at, FIELD_CONNECTED_AT},
    {"headers", push_headers, FIELD_HEADERS},
    {"claims", push_claims, FIELD_CLAIMS},
    {"state", push_state, FIELD_STATE},
    {"is_raw", push_is_raw, FIELD_IS_RAW},
};

static int read_field(lua_State *L, const struct field *field) {
  const struct client_box *box = client_box_check(L, 1);
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
  const struct client_box *box = client_box_check(L, 1);
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
  lua_setiuservalue(L, 1, FIELD_STATE);
  return 0;
}

static int client_tostring(lua_State *L) {
  const struct client_box *box = client_box_check(L, 1);
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
  client_methods_push(L);
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
static void name_box(lua_State *L, struct client_box *box) {
  push_user_id(L, box->conn);
  lua_setiuservalue(L, -2, FIELD_USER_ID);
  push_id(L, box->conn);
  lua_setiuservalue(L, -2, FIELD_ID);
  box->named = true;
}

static struct client_box *new_box(lua_State *L, struct conn *conn) {
  struct client_box *box = lua_newuserdatauv(L, sizeof *box, FIELD_COUNT);
  *box = (struct client_box){0};
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
  struct client_box *box = lua_touserdata(L, -1);
  if (!box->named && conn->state != CONN_NEW)
    name_box(L, box);
}

void lib_client_push_elsewhere(lua_State *L,
                               const struct whereabouts_conn *conn) {
  struct client_box *box = new_box(L, NULL);
  lua_pushinteger(L, (lua_Integer)conn->id);
  lua_setiuservalue(L, -2, FIELD_ID);
  lua_pushinteger(L, (lua_Integer)conn->opened_s);
  lua_setiuservalue(L, -2, FIELD_CONNECTED_AT);
  lua_pushstring(L, conn->user);
  lua_setiuservalue(L, -2, FIELD_USER_ID);
  lua_pushstring(L, conn->address);
  lua_setiuservalue(L, -2, FIELD_IP);
  lua_pushboolean(L, conn->raw);
  lua_setiuservalue(L, -2, FIELD_IS_RAW);
  if (conn->claims) {
    json_decode(L, conn->claims, strlen(conn->claims));
    lua_setiuservalue(L, -2, FIELD_CLAIMS);
  }
  box->elsewhere = conn->id;
  box->worker = conn->worker;
  box->named = true;
}

void lib_client_release(struct generation *generation, struct conn *conn) {
  lua_State *L = generation->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, generation->clients);
  if (lua_rawgeti(L, -1, conn->slot) == LUA_TUSERDATA) {
    struct client_box *box = lua_touserdata(L, -1);
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
    ((struct client_box *)lua_touserdata(L, -1))->conn = NULL;
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
    lua_setiuservalue(L, -2, FIELD_CLAIMS);
  }
  lua_pop(L, 2);
}

/* What one client's state may take while it is copied. */
enum { STATE_BYTES = 16 << 20 };

/* `from` has a box on top. */
static void copy_state(lua_State *from, lua_State *to) {
  const struct client_box *box = lua_touserdata(from, -1);
  if (lua_getiuservalue(from, -1, FIELD_STATE) == LUA_TTABLE && box->conn) {
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
    lua_setiuservalue(to, -2, FIELD_STATE);
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
