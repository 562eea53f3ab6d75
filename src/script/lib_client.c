/* SPDX-License-Identifier: MIT
 * The client object of scripts: how it is made, found and emptied.
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
#include "script/kind.h"

#include <lauxlib.h>
#include <string.h>

static const char METATABLE[] = "perigee.client";

struct client_box *client_box_check(lua_State *L, int index) {
  struct client_box *box =
      kind_find(L, index, METATABLE, sizeof(struct client_box));
  if (!box)
    luaL_typeerror(L, index, METATABLE);
  return box;
}

struct conn *lib_client_check(lua_State *L, int index) {
  struct conn *conn = client_box_check(L, index)->conn;
  return conn && conn_is_open(conn) ? conn : NULL;
}

uint64_t lib_client_id(lua_State *L, int index) {
  const struct conn *conn = lib_client_check(L, index);
  const struct client_box *box = client_box_check(L, index);
  if (box->machine)
    luaL_error(L, "a client of another machine cannot be left out");
  return conn ? conn->id : box->elsewhere;
}

int client_box_closed(lua_State *L) {
  lua_pushnil(L);
  lua_pushliteral(L, "closed");
  return 2;
}

void lib_client_setup(lua_State *L) {
  luaL_newmetatable(L, METATABLE);
  client_fields_set(L);
  lua_pushboolean(L, false);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  lua_newtable(L);
  generation_of(L)->clients = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* Puts the user's id into the cache of the box on top, so that it can be read
 * after the connection is over. */
static void name_box(lua_State *L, struct client_box *box) {
  lua_pushstring(L, conn_user_id(box->conn)); /* NULL pushes nil */
  lua_setiuservalue(L, -2, FIELD_USER_ID);
  lua_pushinteger(L, (lua_Integer)box->conn->id);
  lua_setiuservalue(L, -2, FIELD_ID);
  box->named = true;
}

static struct client_box *new_box(lua_State *L, struct conn *conn) {
  struct client_box *box = lua_newuserdatauv(L, sizeof *box, FIELD_COUNT);
  *box = (struct client_box){.kind = METATABLE};
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
  lua_replace(L, -2);
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
  box->machine = conn->machine;
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

void lib_client_forget_fields(struct generation *generation,
                              struct conn *conn) {
  static const int fields[] = {FIELD_CLAIMS, FIELD_IP, FIELD_HEADERS};
  lua_State *L = generation->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, generation->clients);
  if (lua_rawgeti(L, -1, conn->slot) == LUA_TUSERDATA)
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
      lua_pushnil(L);
      lua_setiuservalue(L, -2, fields[i]);
    }
  lua_pop(L, 2);
}
