/* SPDX-License-Identifier: MIT
 * For the C functions of scripts that wait: the side of the coroutine. The call
 * that stands still meanwhile is in the hands of script/call_park. */
#include "script/wait.h"

#include "script/call_state.h"
#include "script/generation.h"

#include <lauxlib.h>

void wait_check(lua_State *L, const char *function) {
  const struct generation *generation = generation_of(L);
  const struct call *call = generation->current;
  if (!generation->live)
    luaL_error(L, "perigee.%s: not while scripts are being loaded", function);
  else if (!call)
    luaL_error(L, "perigee.%s cannot wait here", function);
  else if (call->abort || generation->budget.spent)
    luaL_error(L, "perigee.%s: the call is being ended", function);
  else if (call->L != L)
    luaL_error(L,
               "perigee.%s cannot wait in a coroutine of the script's own: "
               "perigee.spawn starts one that can",
               function);
  else if (!lua_isyieldable(L))
    luaL_error(L,
               "perigee.%s cannot wait below a C function (table.sort, "
               "string.gsub, store.update, a finalizer)",
               function);
}

bool wait_can(lua_State *L) {
  const struct generation *generation = generation_of(L);
  const struct call *call = generation->current;
  return generation->live && call && !call->abort &&
         !generation->budget.spent && call->L == L && lua_isyieldable(L);
}

void wait_end(struct call *call) {
  struct waiter *waiter = call->waiter;
  call->waiter = NULL;
  if (waiter)
    waiter->kind->end(waiter);
}

/* The coroutine goes on here. */
static int after_wait(lua_State *L, int status, lua_KContext context) {
  struct call *call = (struct call *)context;
  struct waiter *waiter = call->waiter;
  (void)status;
  if (generation_of(L)->current != call) /* coroutine.resume of a script */
    return lua_yieldk(L, 0, context, after_wait);
  if (call->abort)
    return luaL_error(L, "%s", call->abort);
  /* If this raises the waiter is ended with the call, or by the next one. */
  int results = waiter->kind->results(L, waiter);
  wait_end(call);
  return results;
}

int wait_begin(lua_State *L, struct waiter *waiter) {
  struct call *call = generation_of(L)->current;
  wait_end(call); /* of one whose results could not be pushed */
  waiter->call = call;
  call->waiter = waiter;
  call_set_state(call, CALL_YIELDING);
  return lua_yieldk(L, 0, (lua_KContext)call, after_wait);
}

void wait_wake(struct waiter *waiter) {
  struct call *call = waiter->call;
  turn_add(&call->generation->host->turn,
           call->spec.conn ? TURN_CLIENTS : TURN_SCRIPTS, &call->task);
}
