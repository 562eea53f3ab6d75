/* SPDX-License-Identifier: MIT
 * What happens in the coroutine of a call.
 *
 * Everything that may raise (pushing arguments, the function itself, encoding
 * what it returns) happens in `run_call` and its continuations, and
 * `enter_call` has protected these inside of the coroutine. So an error unwinds
 * there: to-be-closed variables are closed while the budget still holds, and
 * the coroutine can be used again. lua_resetthread does neither: Lua leaves
 * hooks off for good in a coroutine that an error of a hook has ended.
 *
 * A handler that waits yields through these C functions. Lua drops their C
 * stack then, and calls a continuation in the place of the rest: after_NAME is
 * what is left to do when NAME is over, whether it waited or not. That is why
 * each ends in a call of its own continuation. */
#include "script/call_body.h"

#include "script/call_values.h"
#include "script/generation.h"
#include "script/promise.h"
#include "script/web_answer.h"

#include <lauxlib.h>

static int after_handler(lua_State *L, int status, lua_KContext context) {
  struct call *call = (struct call *)context;
  (void)status;
  call_set_state(call, CALL_RETURNED);
  if (call_take_refusal(L, call))
    return lua_gettop(L); /* they stay on the coroutine's stack */
  if (call->spec.web)
    web_answer_take(L, call);
  else if (call->spec.results)
    call_encode_results(L, call);
  else if (promise_wants_reply(call))
    call_check_unasked(L, call);
  return lua_gettop(L);
}

/* The stack holds the function and its arguments. */
static int call_handler(lua_State *L, struct call *call) {
  lua_callk(L, call->spec.nargs, LUA_MULTRET, (lua_KContext)call,
            after_handler);
  return after_handler(L, LUA_OK, (lua_KContext)call);
}

/* The same, and above it what @message returned: nil, code, text, data
 * refuses. */
static int after_gate(lua_State *L, int status, lua_KContext context) {
  struct call *call = (struct call *)context;
  int ours = call->spec.nargs + 1;
  (void)status;
  if (lua_isnil(L, ours + 1) && !lua_isnoneornil(L, ours + 2)) {
    for (int i = 1; i <= ours; i++)
      lua_remove(L, 1);
    call_take_refusal(L, call);
    return lua_gettop(L);
  }
  lua_settop(L, ours);
  return call_handler(L, call);
}

/* @message(client, type, data) first, which may refuse. It sees the very data
 * that the handler gets. */
static int call_gate(lua_State *L, struct call *call) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->generation->hooks[HOOK_MESSAGE]->ref);
  lua_pushvalue(L, 2);
  lua_pushstring(L, call->spec.handler->name);
  lua_pushvalue(L, 3); /* function client data, hook client type data */
  lua_callk(L, 3, LUA_MULTRET, (lua_KContext)call, after_gate);
  return after_gate(L, LUA_OK, (lua_KContext)call);
}

static void push_called(lua_State *L, const struct call_spec *spec) {
  lua_rawgeti(L, LUA_REGISTRYINDEX,
              spec->function ? spec->function : spec->handler->ref);
}

static int run_call(lua_State *L) {
  struct call *call = generation_of(L)->current;
  const struct call_spec *spec = &call->spec;
  push_called(L, spec);
  call_push_args(L, call);
  if (spec->gated && call->generation->hooks[HOOK_MESSAGE])
    return call_gate(L, call);
  return call_handler(L, call);
}

/* --- errors --------------------------------------------------------------- */

/* The function whose results raise is in no traceback any more. */
static const char *name_returned(lua_State *L, const struct call_spec *spec,
                                 const char *text) {
  lua_Debug ar;
  push_called(L, spec);
  lua_getinfo(L, ">S", &ar);
  return lua_pushfstring(L, "%s:%d: what this function returned: %s",
                         ar.short_src, ar.linedefined, text);
}

/* The error becomes a text with a traceback. One that is not a string is
 * described without asking its metatable, which is the script's own. */
static int describe_error(lua_State *L) {
  const char *text = lua_type(L, 1) == LUA_TSTRING
                         ? lua_tostring(L, 1)
                         : lua_pushfstring(L, "(an error that is a %s value)",
                                           luaL_typename(L, 1));
  const struct call *call = generation_of(L)->current;
  if (call && call->state == CALL_RETURNED)
    text = name_returned(L, &call->spec, text);
  luaL_traceback(L, L, text, 1);
  return 1;
}

/* The stack holds `describe_error` and then the results, or the text of an
 * error. */
static int after_call(lua_State *L, int status, lua_KContext context) {
  struct call *call = (struct call *)context;
  if (status != LUA_OK && status != LUA_YIELD)
    call->error = lua_tostring(L, -1);
  call->out_of_memory = status == LUA_ERRMEM;
  return lua_gettop(L);
}

static int enter_call(lua_State *L) {
  struct call *call = generation_of(L)->current;
  lua_pushcfunction(L, describe_error);
  lua_pushcfunction(L, run_call);
  int status = lua_pcallk(L, 0, LUA_MULTRET, 1, (lua_KContext)call, after_call);
  return after_call(L, status, (lua_KContext)call);
}

void call_body_push(struct call *call) {
  lua_pushcfunction(call->L, enter_call);
}
