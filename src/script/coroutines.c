/* SPDX-License-Identifier: MIT
 * Coroutines and protected calls under a budget. */
#include "script/coroutines.h"

#include "script/budget.h"
#include "script/guard.h"

#include <lauxlib.h>

/* Upvalue 1 is the script's message handler. */
static int guarded_handler(lua_State *L) {
  if (budget_of(L)->spent)
    return 1; /* the error as it is */
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}

static int after_xpcall(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  return lua_gettop(L);
}

/* (function, message handler, …); upvalue 1 is Lua's own xpcall. */
static int guarded_xpcall(lua_State *L) {
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, guarded_handler, 1);
  lua_replace(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, after_xpcall);
  return lua_gettop(L);
}

/* --- coroutines --------------------------------------------------------- */

static bool has_failed(lua_State *co) {
  return lua_status(co) != LUA_OK && lua_status(co) != LUA_YIELD;
}

/* Lua leaves hooks off for good in a coroutine that an error of a hook has
 * ended. What it had still to close would run there without a budget. */
static bool ended_by_hook(lua_State *co) {
  return has_failed(co) && lua_gethookcount(co) == 1;
}

/* Closes what it has still to close; its error is on its stack then. */
static int reset_coroutine(lua_State *L, lua_State *co) {
  if (budget_stack_is_deep(budget_of(L)))
    luaL_error(L, "C stack overflow");
  int status = lua_resetthread(co);
  budget_check_often(budget_of(L), L);
  return status;
}

/* (coroutine, …); upvalue 1 is Lua's own coroutine.resume */
static int guarded_resume(lua_State *L) {
  int n = guard_call(L);
  budget_check_often(budget_of(L), L);
  return n;
}

static const char *state_of(lua_State *L, lua_State *co) {
  lua_Debug ar;
  if (L == co)
    return "running";
  return lua_status(co) == LUA_OK && lua_getstack(co, 0, &ar) ? "normal" : NULL;
}

/* Moves n values from one stack to the other. */
static void move_values(lua_State *L, lua_State *from, lua_State *to, int n) {
  if (!lua_checkstack(to, n))
    luaL_error(L, "too many values for a coroutine");
  lua_xmove(from, to, n);
}

/* (coroutine), as Lua's own */
static int guarded_close(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "coroutine");
  const char *busy = state_of(L, co);
  if (busy)
    return luaL_error(L, "cannot close a %s coroutine", busy);
  if (ended_by_hook(co)) {
    lua_pushboolean(L, false);
    lua_pushliteral(L, "its time was over: nothing in it is closed");
    return 2;
  }
  if (reset_coroutine(L, co) == LUA_OK) {
    lua_pushboolean(L, true);
    return 1;
  }
  lua_pushboolean(L, false);
  move_values(L, co, L, 1);
  return 2;
}

/* What coroutine.wrap returns; upvalue 1 is the coroutine. As Lua's own, but
 * for the close. */
static int resume_wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int nargs = lua_gettop(L), nresults;
  move_values(L, L, co, nargs);
  int status = lua_resume(co, L, nargs, &nresults);
  budget_check_often(budget_of(L), L);
  if (status == LUA_OK || status == LUA_YIELD) {
    move_values(L, co, L, nresults);
    return nresults;
  }
  if (has_failed(co) && !ended_by_hook(co))
    status = reset_coroutine(L, co);
  move_values(L, co, L, 1);
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

/* (function) → function */
static int guarded_wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, resume_wrapped, 1);
  return 1;
}

static int refuse_hook(lua_State *L) {
  return luaL_error(L, "debug.sethook would take away the hook that ends what "
                       "computes for too long");
}

void coroutines_guard(lua_State *L) {
  lua_pushglobaltable(L);
  guard_replace(L, "xpcall", guarded_xpcall);
  lua_getfield(L, -1, "debug");
  guard_replace(L, "sethook", refuse_hook);
  lua_pop(L, 1);
  lua_getfield(L, -1, "coroutine");
  guard_replace(L, "close", guarded_close);
  guard_replace(L, "resume", guarded_resume);
  guard_replace(L, "wrap", guarded_wrap);
  lua_pop(L, 2);
}
