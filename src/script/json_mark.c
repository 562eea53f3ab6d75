/* SPDX-License-Identifier: MIT
 * Which Lua tables are arrays in JSON. */
#include "script/json_mark.h"

/* Its address is the registry key of the array metatable. */
static const char array_key;

/* That of the table of marks which other libraries put on arrays. */
static const char foreign_key;

void json_setup(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key) == LUA_TTABLE) {
    lua_pop(L, 1);
    return;
  }
  lua_pop(L, 1);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "perigee.array");
  lua_setfield(L, -2, "__name");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &array_key);
}

/* Replaces the mark on top by what is known of it: true, if it makes a table an
 * array; false, if only an empty one; else nil. */
static void look_up_mark(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &foreign_key) == LUA_TTABLE) {
    lua_insert(L, -2);
    lua_rawget(L, -2); /* marks known */
  }
  lua_remove(L, -2);
}

static bool is_foreign_array(lua_State *L, int table) {
  int top = lua_gettop(L) - 1; /* the metatable is on top */
  look_up_mark(L);
  bool known = !lua_isnil(L, -1), any = lua_toboolean(L, -1);
  lua_settop(L, top);
  if (!known || any)
    return known;
  lua_pushnil(L);
  bool empty = !lua_next(L, table);
  lua_settop(L, top);
  return empty;
}

bool json_is_array(lua_State *L, int index) {
  int table = lua_absindex(L, index);
  if (!lua_getmetatable(L, table))
    return false;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 1);
  if (!same)
    return is_foreign_array(L, table);
  lua_pop(L, 1);
  return true;
}

bool json_is_empty_array(lua_State *L, int index) {
  lua_pushvalue(L, index);
  look_up_mark(L);
  bool known = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return known;
}

int json_foreign_mark(lua_State *L) {
  lua_settop(L, 2);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &foreign_key) != LUA_TTABLE) {
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &foreign_key);
    lua_replace(L, 3);
  }
  lua_pushvalue(L, 1);
  lua_pushboolean(L, !lua_toboolean(L, 2));
  lua_rawset(L, 3);
  return 0;
}

void json_mark_array(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key);
  lua_setmetatable(L, -2);
}
