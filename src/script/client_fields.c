/* SPDX-License-Identifier: MIT
 * What scripts can read of a client, and client.state, which they can set. */
#include "hub/conn.h"
#include "hub/manager.h"
#include "script/client_box.h"
#include "script/generation.h"
#include "script/json.h"

#include <lauxlib.h>
#include <string.h>

static void push_client_id(lua_State *L, const struct conn *conn) {
  lua_pushinteger(L, (lua_Integer)conn->id);
}

static void push_client_user_id(lua_State *L, const struct conn *conn) {
  lua_pushstring(L, conn_user_id(conn)); /* NULL pushes nil */
}

static void push_client_ip(lua_State *L, const struct conn *conn) {
  lua_pushstring(L, conn->address->text);
}

static void push_client_connected_at(lua_State *L, const struct conn *conn) {
  lua_pushinteger(L, (lua_Integer)conn->opened_s);
}

static void push_client_is_raw(lua_State *L, const struct conn *conn) {
  lua_pushboolean(L, conn->raw);
}

static void push_client_is_away(lua_State *L, const struct conn *conn) {
  lua_pushboolean(L, conn && conn->state == CONN_AWAY);
}

static void push_client_claims(lua_State *L, const struct conn *conn) {
  if (conn->claims)
    json_decode(L, conn->claims, strlen(conn->claims));
  else
    lua_pushnil(L);
}

static void push_client_headers(lua_State *L, const struct conn *conn) {
  lua_newtable(L);
  const char *at = conn->headers;
  while (at && *at) {
    const char *value = at + strlen(at) + 1;
    lua_pushstring(L, value);
    lua_setfield(L, -2, at);
    at = value + strlen(value) + 1;
  }
}

static void push_client_state(lua_State *L, const struct conn *conn) {
  (void)conn;
  lua_newtable(L);
}

typedef void field_fn(lua_State *L, const struct conn *conn);

/* A field is made when it is first read, and kept, but for those that change.
 */
static const struct field {
  const char *name;
  field_fn *push;
  enum field_place place;
} fields[] = {
    {"id", push_client_id, FIELD_ID},
    {"user_id", push_client_user_id, FIELD_USER_ID},
    {"ip", push_client_ip, FIELD_IP},
    {"connected_at", push_client_connected_at, FIELD_CONNECTED_AT},
    {"headers", push_client_headers, FIELD_HEADERS},
    {"claims", push_client_claims, FIELD_CLAIMS},
    {"state", push_client_state, FIELD_STATE},
    {"is_raw", push_client_is_raw, FIELD_IS_RAW},
    {"is_away", push_client_is_away, FIELD_NOT_KEPT},
};

/* Whether only the worker of the client knows it. */
static bool is_kept_there(const struct field *field) {
  return field->push == push_client_state || field->push == push_client_headers;
}

/* Of the client at index 1, of another worker. */
static int push_is_away_elsewhere(lua_State *L, const struct client_box *box) {
  const struct manager *manager = generation_of(L)->host->manager;
  size_t len;
  lua_getiuservalue(L, 1, FIELD_USER_ID);
  const char *user = lua_tolstring(L, -1, &len);
  lua_pushboolean(L, whereabouts_is_away(manager->bus->whereabouts, user, len,
                                         box->elsewhere));
  return 1;
}

static int read_client_field(lua_State *L, const struct field *field) {
  const struct client_box *box = client_box_check(L, 1);
  const struct conn *conn = box->conn;
  if (box->elsewhere && is_kept_there(field))
    return luaL_error(L,
                      "client.%s is on worker %d, where the client is: share "
                      "data by perigee.store",
                      field->name, box->worker + 1);
  if (box->elsewhere && field->push == push_client_is_away)
    return push_is_away_elsewhere(L, box);
  if (field->place == FIELD_NOT_KEPT) {
    field->push(L, conn);
    return 1;
  }
  if (lua_getiuservalue(L, 1, (int)field->place) != LUA_TNIL)
    return 1;
  if (!conn && field->push != push_client_state)
    return 0;
  field->push(L, conn);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, 1, (int)field->place);
  return 1;
}

/* (client, key). Upvalue 1 maps names to methods, and to the entry of `fields`
 * for the others. */
static int client_index(lua_State *L) {
  lua_settop(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TLIGHTUSERDATA)
    return 1; /* a method, or nil */
  return read_client_field(L, lua_touserdata(L, -1));
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

void client_fields_set(lua_State *L) {
  luaL_setfuncs(L, metamethods, 0);
  client_methods_push(L);
  for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
    lua_pushlightuserdata(L, (void *)&fields[i]);
    lua_setfield(L, -2, fields[i].name);
  }
  lua_pushcclosure(L, client_index, 1);
  lua_setfield(L, -2, "__index");
}
