/* SPDX-License-Identifier: MIT
 * The table library of scripts under a budget.
 *
 * A call that is about few values is Lua's. A large one is cut into pieces, and
 * the clock is looked at between them. How many values there are is what the
 * script says: __len may answer anything, and table.move is told a range. */
#include "script/budget.h"
#include "script/guard.h"
#include "script/library.h"

#include <lauxlib.h>

/* Values that are moved or joined between two looks at the clock. */
enum { PIECE = 8192 };

static void look_at_clock(lua_State *L) {
  budget_check(budget_of(L), L);
}

/* Whether there are so many from one index to the other. */
static bool is_large(lua_Integer from, lua_Integer to) {
  return to > from && (lua_Unsigned)to - (lua_Unsigned)from > PIECE;
}

/* As luaL_len, but 0 for what Lua's own function is going to refuse. */
static lua_Integer table_length(lua_State *L) {
  if (lua_type(L, 1) != LUA_TTABLE)
    return 0;
  look_at_clock(L);
  return luaL_len(L, 1);
}

/* Calls Lua's own function for the values `from` to `to`. */
static void move_piece(lua_State *L, lua_Integer from, lua_Integer to,
                       lua_Integer at, int target) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_pushinteger(L, from);
  lua_pushinteger(L, to);
  lua_pushinteger(L, at);
  lua_pushvalue(L, target);
  lua_call(L, 5, 0);
  look_at_clock(L);
}

/* Moves them piece by piece: from the end if they move upwards in the same
 * table, so that none is lost; as table.move does it within a piece. */
static void move_items(lua_State *L, lua_Integer from, lua_Integer to,
                       lua_Integer at, int target) {
  bool upwards = at > from && at <= to && lua_rawequal(L, 1, target);
  lua_Integer left = to - from + 1;
  for (lua_Integer done = 0; left > 0;) {
    lua_Integer count = left < PIECE ? left : PIECE;
    lua_Integer offset = upwards ? left - count : done;
    move_piece(L, from + offset, from + offset + count - 1, at + offset,
               target);
    done += count;
    left -= count;
  }
}

/* (from table, from, to, at, to table?) */
static int guarded_move(lua_State *L) {
  lua_Integer from = luaL_checkinteger(L, 2), to = luaL_checkinteger(L, 3);
  lua_Integer at = luaL_checkinteger(L, 4);
  int target = lua_isnoneornil(L, 5) ? 1 : 5;
  /* What Lua refuses is left to it. */
  bool fits = from > 0 || to < LUA_MAXINTEGER + from;
  if (!is_large(from, to) || !fits || at > LUA_MAXINTEGER - (to - from + 1) + 1)
    return guard_call(L);
  move_items(L, from, to, at, target);
  lua_pushvalue(L, target);
  return 1;
}

/* (table, position?, value); upvalue 2 is table.move. */
static int guarded_insert(lua_State *L) {
  lua_Integer end = lua_gettop(L) == 3 ? table_length(L) : 0;
  lua_Integer at = end > 0 ? luaL_checkinteger(L, 2) : 0;
  if (at < 1 || !is_large(at, end))
    return guard_call(L);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_pushvalue(L, 1);
  lua_pushinteger(L, at);
  lua_pushinteger(L, end);
  lua_pushinteger(L, at + 1);
  lua_call(L, 4, 0);
  lua_settop(L, 3);
  lua_seti(L, 1, at);
  return 0;
}

/* (table, position?); upvalue 2 is table.move. */
static int guarded_remove(lua_State *L) {
  lua_Integer end = lua_gettop(L) == 2 ? table_length(L) : 0;
  lua_Integer at = end > 0 ? luaL_checkinteger(L, 2) : 0;
  if (at < 1 || !is_large(at, end))
    return guard_call(L);
  lua_geti(L, 1, at); /* the result */
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_pushvalue(L, 1);
  lua_pushinteger(L, at + 1);
  lua_pushinteger(L, end);
  lua_pushinteger(L, at);
  lua_call(L, 4, 0);
  lua_pushnil(L);
  lua_seti(L, 1, end);
  return 1;
}

/* (table, separator?, from?, to?) */
static int guarded_concat(lua_State *L) {
  luaL_Buffer buffer;
  lua_Integer from = luaL_optinteger(L, 3, 1);
  lua_Integer to =
      lua_isnoneornil(L, 4) ? table_length(L) : luaL_checkinteger(L, 4);
  if (!is_large(from, to) || to > LUA_MAXINTEGER - PIECE)
    return guard_call(L);
  lua_settop(L, 4);
  luaL_buffinit(L, &buffer);
  while (from <= to) {
    lua_Integer end = from + PIECE - 1 < to ? from + PIECE - 1 : to;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushinteger(L, from);
    lua_pushinteger(L, end);
    lua_call(L, 4, 1);
    luaL_addvalue(&buffer);
    look_at_clock(L);
    from = end + 1;
    if (from <= to && !lua_isnoneornil(L, 2)) {
      lua_pushvalue(L, 2);
      luaL_addvalue(&buffer);
    }
  }
  luaL_pushresult(&buffer);
  return 1;
}

/* (a, b); upvalue 1 is the script's function, or nil. */
static int compare_items(lua_State *L) {
  budget_check_often(budget_of(L), L);
  if (lua_isnil(L, lua_upvalueindex(1))) {
    lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
    return 1;
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 2, 1);
  return 1;
}

/* (table, less?): a function of the script has a hook. */
static int guarded_sort(lua_State *L) {
  bool hooked = lua_isfunction(L, 2) && !lua_iscfunction(L, 2);
  if (hooked || !is_large(0, table_length(L)) || lua_gettop(L) > 2 ||
      !(lua_isnoneornil(L, 2) || lua_isfunction(L, 2)))
    return guard_call(L);
  lua_settop(L, 2);
  lua_pushcclosure(L, compare_items, 1);
  return guard_call(L);
}

static int guarded_unpack(lua_State *L) {
  look_at_clock(L);
  return guard_call(L);
}

/* The same with table.move as upvalue 2. */
static void guard_shift(lua_State *L, const char *name, lua_CFunction guarded) {
  lua_getfield(L, -1, name);
  lua_getfield(L, -2, "move");
  lua_pushcclosure(L, guarded, 2);
  lua_setfield(L, -2, name);
}

void library_guard_table(lua_State *L) {
  guard_replace(L, "move", guarded_move);
  guard_shift(L, "insert", guarded_insert);
  guard_shift(L, "remove", guarded_remove);
  guard_replace(L, "concat", guarded_concat);
  guard_replace(L, "sort", guarded_sort);
  guard_replace(L, "unpack", guarded_unpack);
}
