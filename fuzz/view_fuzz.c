/* SPDX-License-Identifier: MIT
 * A view shows what a table of the same text has, however it is asked, and is
 * sent as a text that says the same. */
#include "script/budget.h"
#include "script/json.h"
#include "script/json_view.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct budget budget;
static struct json_bound bound = {.bytes = 1 << 20};
static int views;

/* (view, table) */
static const char compare[] =
    "local json, view, whole = json, ...\n"
    "local function same(a, b)\n"
    "  if type(a) ~= 'table' or type(b) ~= 'table' then\n"
    "    return a == b and math.type(a) == math.type(b)\n"
    "  end\n"
    "  if getmetatable(a) ~= getmetatable(b) then return false end\n"
    "  for k, v in next, a do if not same(v, b[k]) then return false end end\n"
    "  for k in next, b do if a[k] == nil then return false end end\n"
    "  return true\n"
    "end\n"
    "local function compare(view, whole)\n"
    "  if type(whole) ~= 'table' then return assert(same(view, whole)) end\n"
    "  assert(same(view(), whole))\n"
    "  assert(same(json.decode(json.encode(view)), whole))\n"
    "  assert(same(json.decode(tostring(view)), whole))\n"
    "  assert(#view == #whole and view[#whole + 1] == nil)\n"
    "  for k, v in next, whole do compare(view[k], v) end\n"
    "  for k, v in pairs(view) do compare(v, whole[k]) end\n"
    "  for i = #whole, 1, -1 do compare(view[i], whole[i]) end\n"
    "end\n"
    "compare(view, whole)\n";

static int open_json(lua_State *L) {
  json_open(L, &bound);
  return 1;
}

static lua_State *make_state(void) {
  lua_State *L = luaL_newstate();
  budget_bind(&budget, L);
  luaL_openlibs(L);
  luaL_requiref(L, "json", open_json, true);
  views = json_view_setup(L);
  return L;
}

static int compare_all(lua_State *L) {
  const struct json_part *part = lua_touserdata(L, 1);
  if (luaL_loadstring(L, compare) != LUA_OK)
    return lua_error(L);
  json_view_push(L, views, *part);
  json_decode(L, part->text, part->len);
  lua_call(L, 2, 0);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static lua_State *L;
  struct json_part part = {(const char *)data, size, {.once = true}};
  struct json_scan scan = {part.text, part.text + size};
  if (size == 0 || size > 4096 || json_look_over(&scan, 1, &part.look) != 0 ||
      scan.at != scan.end)
    return 0;
  if (!L)
    L = make_state();
  lua_pushcfunction(L, compare_all);
  lua_pushlightuserdata(L, &part);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    lua_writestringerror("%s\n", lua_tostring(L, -1));
    abort();
  }
  return 0;
}
