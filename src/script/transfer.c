/* SPDX-License-Identifier: MIT
 * Plain data from state to state.
 *
 * Errors must be raised in `to` alone, where a protected call waits for them.
 * So `from` is only asked in ways that neither allocate nor raise: types, raw
 * lua_next over tables that nobody changes, strings that are strings. */
#include "script/transfer.h"

#include "script/json.h"

#include <lauxlib.h>

enum { DEPTH_MAX = 64, STACK_SLOTS = 4 };

/* Where a value is, for error texts; on the C stack, innermost first. */
struct path {
  const struct path *outer;
  lua_State *from;
  int key; /* absolute index of the key in `from`; 0 for the root */
  const char *name;
};

static void push_path(lua_State *to, const struct path *path) {
  if (!path->outer) {
    lua_pushstring(to, path->name);
    return;
  }
  push_path(to, path->outer);
  switch (lua_type(path->from, path->key)) {
  case LUA_TSTRING:
    lua_pushfstring(to, ".%s", lua_tostring(path->from, path->key));
    break;
  case LUA_TNUMBER:
    if (lua_isinteger(path->from, path->key))
      lua_pushfstring(to, "[%I]",
                      (LUAI_UACINT)lua_tointeger(path->from, path->key));
    else
      lua_pushfstring(to, "[%f]", lua_tonumber(path->from, path->key));
    break;
  default:
    lua_pushfstring(to, "[a %s]",
                    lua_typename(path->from, lua_type(path->from, path->key)));
  }
  lua_concat(to, 2);
}

static void fail(lua_State *to, const struct path *path, const char *what) {
  push_path(to, path);
  luaL_error(to, "%s: %s is not plain data", lua_tostring(to, -1), what);
}

static void copy(lua_State *from, lua_State *to, const struct path *path,
                 int depth);

static void copy_table(lua_State *from, lua_State *to, const struct path *path,
                       int depth) {
  int table = lua_gettop(from);
  if (depth >= DEPTH_MAX)
    fail(to, path, "a table inside itself, or too deep,");
  if (!lua_checkstack(from, STACK_SLOTS))
    luaL_error(to, "out of memory");
  luaL_checkstack(to, STACK_SLOTS, "client.state");
  lua_createtable(to, (int)lua_rawlen(from, table), 0);
  if (json_is_array(from, table))
    json_mark_array(to);
  lua_pushnil(from);
  while (lua_next(from, table)) { /* from: … table key value */
    struct path inner = {path, from, lua_gettop(from) - 1, NULL};
    lua_pushvalue(from, -2);
    copy(from, to, &inner, depth + 1); /* to: … copy key */
    lua_pop(from, 1);
    copy(from, to, &inner, depth + 1); /* to: … copy key value */
    lua_pop(from, 1);
    lua_rawset(to, -3);
  }
}

static void copy(lua_State *from, lua_State *to, const struct path *path,
                 int depth) {
  size_t len;
  const char *text;
  switch (lua_type(from, -1)) {
  case LUA_TNIL:
    lua_pushnil(to);
    break;
  case LUA_TBOOLEAN:
    lua_pushboolean(to, lua_toboolean(from, -1));
    break;
  case LUA_TNUMBER:
    if (lua_isinteger(from, -1))
      lua_pushinteger(to, lua_tointeger(from, -1));
    else
      lua_pushnumber(to, lua_tonumber(from, -1));
    break;
  case LUA_TSTRING:
    text = lua_tolstring(from, -1, &len);
    lua_pushlstring(to, text, len);
    break;
  case LUA_TLIGHTUSERDATA: /* json.null is NULL; other pointers mean nothing */
    if (lua_touserdata(from, -1))
      fail(to, path, "a light userdata");
    lua_pushlightuserdata(to, NULL);
    break;
  case LUA_TTABLE:
    copy_table(from, to, path, depth);
    break;
  default:
    lua_pushfstring(to, "a %s", lua_typename(from, lua_type(from, -1)));
    fail(to, path, lua_tostring(to, -1));
  }
}

void transfer_copy(lua_State *from, lua_State *to, const char *name) {
  struct path root = {.name = name};
  copy(from, to, &root, 0);
}
