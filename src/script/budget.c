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
  luaL_error(L, "computed for too long without waiting");
}

void budget_watch(lua_State *L) {
  lua_sethook(L, on_count, LUA_MASKCOUNT, INSTRUCTIONS);
}

void budget_start(struct budget *budget, uint64_t ms) {
  budget->end_ns = uv_hrtime() + ms * 1000000;
  budget->spent = false;
}

bool budget_stop(struct budget *budget) {
  budget->end_ns = 0;
  return budget->spent;
}
