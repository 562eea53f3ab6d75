/* SPDX-License-Identifier: MIT
 * The module perigee.json. The two directions are in json_decode.c and
 * json_encode.c. */
#include "script/json.h"

#include "script/budget.h"
#include "script/json_mark.h"
#include "wire/json.h"

#include <lauxlib.h>

/* Room that the scratch buffer of json.encode keeps between calls. */
enum { SCRATCH_KEEP = 64 * 1024 };

/* A text that takes decode 0.1 ms or more. */
enum { LONG_TEXT = 64 * 1024 };

static int free_scratch(lua_State *L) {
  buf_free(lua_touserdata(L, 1));
  return 0;
}

/* Pushes an empty buffer that goes with its userdata. */
static void push_scratch(lua_State *L) {
  struct buf *scratch = lua_newuserdatauv(L, sizeof(*scratch), 0);
  *scratch = (struct buf){0};
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, free_scratch);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
}

/* Its upvalues are the scratch buffer and the bound: what a raise leaves in the
 * buffer is dropped by the next call. No call runs inside another, as no Lua
 * code is called. */
static int l_encode(lua_State *L) {
  struct buf *scratch = lua_touserdata(L, lua_upvalueindex(1));
  const struct json_bound *bound = lua_touserdata(L, lua_upvalueindex(2));
  luaL_checkany(L, 1);
  buf_reset(scratch, SCRATCH_KEEP);
  json_encode_named(L, 1, scratch, bound, "value");
  lua_pushlstring(L, scratch->data, scratch->len);
  return 1;
}

/* Its upvalue is the bound, for the clock. */
static int l_decode(lua_State *L) {
  const struct json_bound *bound = lua_touserdata(L, lua_upvalueindex(1));
  size_t len, at;
  const char *text = luaL_checklstring(L, 1, &len);
  if (len > LONG_TEXT && bound->budget)
    budget_check(bound->budget, L);
  if (json_check(text, len, &at) != 0) {
    lua_pushnil(L);
    lua_pushliteral(L, "bad_json");
    lua_pushfstring(L, "not valid JSON at byte %I", (LUAI_UACINT)at + 1);
    return 3;
  }
  json_decode(L, text, len);
  return 1;
}

static int l_array(lua_State *L) {
  if (lua_isnoneornil(L, 1)) {
    lua_newtable(L);
  } else {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
  }
  json_mark_array(L);
  return 1;
}

static const luaL_Reg json_functions[] = {{"array", l_array}, {NULL, NULL}};

void json_open(lua_State *L, struct json_bound *bound) {
  json_setup(L);
  luaL_newlib(L, json_functions);
  push_scratch(L);
  lua_pushlightuserdata(L, bound);
  lua_pushcclosure(L, l_encode, 2);
  lua_setfield(L, -2, "encode");
  lua_pushlightuserdata(L, bound);
  lua_pushcclosure(L, l_decode, 1);
  lua_setfield(L, -2, "decode");
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
}
