/* SPDX-License-Identifier: MIT
 * The computing time of Lua. */
#include "script/budget.h"

#include "script/generation.h"

#include <lauxlib.h>
#include <uv.h>

enum { INSTRUCTIONS = 1000 }; /* between two looks at the clock */

static void on_count(lua_State *L, lua_Debug *ar) {
  struct budget *budget = &generation_of(L)->budget;
  (void)ar;
  if (budget->end_ns == 0 || uv_hrtime() < budget->end_ns) {
    if (lua_gethookcount(L) != INSTRUCTIONS)
      budget_watch(L); /* a coroutine that outlived an earlier budget */
    return;
  }
  budget->spent = true;
  lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
  luaL_where(L, 0); /* the hook itself is no level */
  lua_pushliteral(L, "computed for too long without waiting");
  lua_concat(L, 2);
  lua_error(L);
}

void budget_watch(lua_State *L) {
  lua_sethook(L, on_count, LUA_MASKCOUNT, INSTRUCTIONS);
}

/* Upvalue 1 is the script's message handler. */
static int guarded_handler(lua_State *L) {
  if (generation_of(L)->budget.spent)
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

void budget_guard_xpcall(lua_State *L) {
  lua_getglobal(L, "xpcall");
  lua_pushcclosure(L, guarded_xpcall, 1);
  lua_setglobal(L, "xpcall");
}

void budget_start(struct budget *budget, uint64_t ms) {
  budget->end_ns = uv_hrtime() + ms * 1000000;
  budget->spent = false;
}

bool budget_stop(struct budget *budget) {
  budget->end_ns = 0;
  return budget->spent;
}
