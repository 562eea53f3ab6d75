/* SPDX-License-Identifier: MIT
 * The standard library of scripts under a budget: strings, and all that is only
 * looked at before it begins. */
#include "script/library.h"

#include "script/budget.h"
#include "script/guard.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

/* A string or list that takes a C function about 0.1 ms or more. */
enum { LARGE = 64 * 1024 };

/* Bytes of a repeat between two looks at the clock. */
enum { PIECE = 16 << 20 };

/* For what takes its time by the size of its arguments. */
static int guarded_by_size(lua_State *L) {
  for (int i = lua_gettop(L); i > 0; i--)
    if (lua_rawlen(L, i) > LARGE) {
      budget_check(budget_of(L), L);
      break;
    }
  return guard_call(L);
}

/* For what takes its time in any case. */
static int guarded_always(lua_State *L) {
  budget_check(budget_of(L), L);
  return guard_call(L);
}

/* --- rep ---------------------------------------------------------------- */

/* The bytes of the result; 0 if that is Lua's to do, or to refuse. */
static size_t repeated_len(size_t len, size_t between, lua_Integer n) {
  const size_t most = (size_t)1 << 48;
  size_t unit = len + between;
  if (n <= 1 || unit == 0 || (size_t)n > most / unit)
    return 0;
  size_t total = unit * (size_t)n - between;
  return total > LARGE ? total : 0;
}

/* The unit is at the front: what is there is doubled, and from some size on
 * copied as it is, until all is there. */
static void fill_repeat(lua_State *L, char *at, size_t unit, size_t total) {
  size_t source = unit;
  for (size_t done = unit; done < total;) {
    size_t more = source < total - done ? source : total - done;
    memcpy(at + done, at, more);
    done += more;
    if (source < PIECE)
      source = done;
    else
      budget_check(budget_of(L), L);
  }
}

/* (string, n, separator?) */
static int guarded_rep(lua_State *L) {
  size_t len, between;
  const char *text = luaL_checklstring(L, 1, &len);
  lua_Integer n = luaL_checkinteger(L, 2);
  const char *separator = luaL_optlstring(L, 3, "", &between);
  size_t total = repeated_len(len, between, n);
  luaL_Buffer buffer;
  if (len + between == 0) {
    lua_pushliteral(L, ""); /* Lua counts to n */
    return 1;
  }
  if (total == 0)
    return guard_call(L);
  budget_check(budget_of(L), L);
  char *at = luaL_buffinitsize(L, &buffer, total);
  memcpy(at, text, len);
  memcpy(at + len, separator, total - len < between ? total - len : between);
  fill_repeat(L, at, len + between, total);
  luaL_pushresultsize(&buffer, total);
  return 1;
}

/* --- find --------------------------------------------------------------- */

static bool is_plain_pattern(lua_State *L, const char *pattern, size_t len) {
  return lua_toboolean(L, 4) || (strcspn(pattern, "^$*+?.([%-") == len);
}

/* (string, pattern, init?, plain?): for a text without magic in it Lua looks at
 * the same bytes over and over, memmem does not. */
static int guarded_find(lua_State *L) {
  size_t len, part_len;
  const char *text = luaL_checklstring(L, 1, &len);
  const char *part = luaL_checklstring(L, 2, &part_len);
  if (len <= LARGE || part_len == 0 || !is_plain_pattern(L, part, part_len))
    return guarded_by_size(L);
  budget_check(budget_of(L), L);
  lua_Integer init = luaL_optinteger(L, 3, 1);
  if (init < 0)
    init = init < -(lua_Integer)len ? 1 : (lua_Integer)len + init + 1;
  size_t from = init > 0 ? (size_t)init - 1 : 0;
  const char *found =
      from < len ? memmem(text + from, len - from, part, part_len) : NULL;
  if (!found) {
    luaL_pushfail(L);
    return 1;
  }
  lua_pushinteger(L, found - text + 1);
  lua_pushinteger(L, found - text + (lua_Integer)part_len);
  return 2;
}

/* --- all of it ---------------------------------------------------------- */

static void guard_all(lua_State *L, const char *const *names,
                      lua_CFunction guarded) {
  for (; *names; names++)
    guard_replace(L, *names, guarded);
}

void library_guard(lua_State *L) {
  static const char *const basic[] = {"tonumber", "tostring", "load", NULL};
  static const char *const strings[] = {
      "byte", "format",   "gmatch",  "gsub",  "lower",  "match",
      "pack", "packsize", "reverse", "upper", "unpack", NULL};
  static const char *const characters[] = {"len", "codepoint", "offset", NULL};
  lua_pushglobaltable(L);
  guard_all(L, basic, guarded_by_size);
  guard_replace(L, "collectgarbage", guarded_always);
  lua_getfield(L, -1, LUA_STRLIBNAME);
  guard_all(L, strings, guarded_by_size);
  guard_replace(L, "rep", guarded_rep);
  guard_replace(L, "find", guarded_find);
  lua_pop(L, 1);
  lua_getfield(L, -1, LUA_UTF8LIBNAME);
  guard_all(L, characters, guarded_by_size);
  lua_pop(L, 1);
  lua_getfield(L, -1, LUA_TABLIBNAME);
  library_guard_table(L);
  lua_pop(L, 2);
}
