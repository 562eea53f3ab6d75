/* SPDX-License-Identifier: MIT
 * Runs Lua functions in pooled coroutines.
 *
 * Everything that may raise (pushing arguments, the function itself, encoding
 * what it returns) happens in `body` and its continuations, which `enter` has
 * protected inside the coroutine. An error so unwinds there: to-be-closed
 * variables are closed while the budget still holds, and the coroutine can be
 * used again. (lua_resetthread does neither: Lua leaves hooks off for good in
 * a coroutine that an error of a hook has ended.) A call costs no allocation
 * once the pool is warm.
 *
 * Results and error texts stay on the coroutine's stack until `done` has seen
 * them. */
#include "script/call.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "core/conn.h"
#include "core/json.h"
#include "script/json.h"
#include "script/lib_client.h"

#include <lauxlib.h>
#include <stdio.h>
#include <time.h>

struct call {
  struct list node; /* in generation->idle */
  struct generation *generation;
  lua_State *L; /* the coroutine */
  int ref;      /* registry reference that keeps it */
  struct call_spec spec;
  struct call_result result;
  const char *error; /* on the coroutine's stack, or constant; NULL: none */
};

/* --- arguments and results ---------------------------------------------- */

static void push_arg(lua_State *L, const struct call *call,
                     const struct call_arg *arg) {
  switch (arg->kind) {
  case CALL_CLIENT:
    lib_client_push(L, call->spec.conn);
    break;
  case CALL_STRING:
    lua_pushlstring(L, arg->text, arg->len);
    break;
  case CALL_JSON:
    json_decode(L, arg->text, arg->len);
    break;
  case CALL_NIL:
    lua_pushnil(L);
    break;
  }
}

static void push_args(lua_State *L, const struct call *call) {
  for (int i = 0; i < call->spec.nargs; i++)
    push_arg(L, call, &call->spec.args[i]);
}

static void check_utf8(lua_State *L, const char *text) {
  if (!json_utf8_valid(text, strlen(text)))
    luaL_error(L, "an error code or text is not valid UTF-8");
}

/* Whether the values on the stack are a refusal: nil, code, text. */
static bool refused(lua_State *L, struct call *call) {
  if (!lua_isnil(L, 1) || lua_isnoneornil(L, 2))
    return false;
  if (lua_type(L, 2) != LUA_TSTRING)
    luaL_error(L, "the error code after nil must be a string, not a %s",
               luaL_typename(L, 2));
  call->result.verdict = CALL_REFUSED;
  call->result.code = lua_tostring(L, 2);
  call->result.text =
      lua_type(L, 3) == LUA_TSTRING ? lua_tostring(L, 3) : call->result.code;
  check_utf8(L, call->result.code);
  check_utf8(L, call->result.text);
  return true;
}

/* Writes the values into the scratch buffer, one behind the other. The buffer
 * may move while it grows: texts are set when all is written. */
static void encode_results(lua_State *L, struct call *call) {
  struct buf *out = &call->generation->scratch;
  size_t ends[ARRAY_SIZE(call->result.value)];
  buf_reset(out, GENERATION_SCRATCH_KEEP);
  for (int i = 0; i < (int)ARRAY_SIZE(ends); i++) {
    if (!lua_isnoneornil(L, i + 1))
      json_encode(L, i + 1, out);
    ends[i] = out->len;
  }
  size_t start = 0;
  for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
    call->result.value[i] =
        (struct call_arg){CALL_JSON, out->data + start, ends[i] - start};
    start = ends[i];
  }
}

/* --- inside the coroutine, protected ------------------------------------- */

static int after_handler(lua_State *L, int status, lua_KContext context) {
  struct call *call = (struct call *)context;
  (void)status;
  if (!refused(L, call) && call->spec.want_result)
    encode_results(L, call);
  return lua_gettop(L); /* they stay on the coroutine's stack */
}

static int run_handler(lua_State *L, struct call *call) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->spec.handler->ref);
  push_args(L, call);
  lua_callk(L, call->spec.nargs, LUA_MULTRET, (lua_KContext)call,
            after_handler);
  return after_handler(L, LUA_OK, (lua_KContext)call);
}

static int after_gate(lua_State *L, int status, lua_KContext context) {
  struct call *call = (struct call *)context;
  (void)status;
  if (refused(L, call))
    return lua_gettop(L);
  lua_settop(L, 0);
  return run_handler(L, call);
}

/* @message(client, type, data) first, which may refuse. */
static int run_gate(lua_State *L, struct call *call) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->generation->hooks[HOOK_MESSAGE]->ref);
  push_arg(L, call, &call->spec.args[0]);
  lua_pushstring(L, call->spec.handler->name);
  push_arg(L, call, &call->spec.args[1]); /* hook, client, type, data */
  lua_callk(L, 3, LUA_MULTRET, (lua_KContext)call, after_gate);
  return after_gate(L, LUA_OK, (lua_KContext)call);
}

static int body(lua_State *L) {
  struct call *call = lua_touserdata(L, 1);
  lua_settop(L, 0);
  if (call->spec.gated && call->generation->hooks[HOOK_MESSAGE])
    return run_gate(L, call);
  return run_handler(L, call);
}

/* The error becomes a text with a traceback. One that is not a string is
 * described without asking its metatable, which is the script's own. */
static int describe(lua_State *L) {
  const char *text = lua_type(L, 1) == LUA_TSTRING
                         ? lua_tostring(L, 1)
                         : lua_pushfstring(L, "(an error that is a %s value)",
                                           luaL_typename(L, 1));
  luaL_traceback(L, L, text, 1);
  return 1;
}

/* The stack holds `describe` and then the results, or the text of an error. */
static int after_body(lua_State *L, int status, lua_KContext context) {
  struct call *call = (struct call *)context;
  if (status != LUA_OK && status != LUA_YIELD)
    call->error = lua_tostring(L, -1);
  return lua_gettop(L);
}

static int enter(lua_State *L) {
  struct call *call = lua_touserdata(L, 1);
  lua_settop(L, 0);
  lua_pushcfunction(L, describe);
  lua_pushcfunction(L, body);
  lua_pushlightuserdata(L, call);
  int status = lua_pcallk(L, 1, LUA_MULTRET, 1, (lua_KContext)call, after_body);
  return after_body(L, status, (lua_KContext)call);
}

/* --- failures ----------------------------------------------------------- */

/* A reference that is in the log line and in the client's error. */
static void make_ref(struct host *host, char ref[CALL_REF_BYTES]) {
  unsigned salt = (unsigned)time(NULL);
  snprintf(ref, CALL_REF_BYTES, "e%d%06x%04x", host->worker, salt & 0xffffff,
           host->errors++ & 0xffff);
}

static void fail(struct call *call, enum err err, char ref[CALL_REF_BYTES]) {
  const struct conn *conn = call->spec.conn;
  make_ref(call->generation->host, ref);
  log_error("gen=%u handler=%s conn=%llu user=%s ref=%s %s",
            call->generation->number, call->spec.handler->name,
            conn ? (unsigned long long)conn->id : 0,
            conn ? conn_user_name(conn) : "-", ref, call->error);
  call->generation->host->stats->handler_errors++;
  call->result =
      (struct call_result){.verdict = CALL_FAILED, .err = err, .ref = ref};
}

/* --- the door ----------------------------------------------------------- */

/* Makes a call with a coroutine; raises without memory. */
static int make_call(lua_State *L) {
  struct call *call = lua_touserdata(L, 1);
  call->L = lua_newthread(L);
  budget_watch(call->L);
  call->ref = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

static struct call *take_call(struct generation *generation) {
  struct list *node = list_shift(&generation->idle);
  if (node)
    return container_of(node, struct call, node);
  struct call *call = mem_alloc(sizeof *call);
  call->generation = generation;
  list_init(&call->node);
  lua_State *L = generation->L;
  lua_pushcfunction(L, make_call);
  lua_pushlightuserdata(L, call);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK)
    return call;
  lua_pop(L, 1);
  mem_free(call);
  return NULL;
}

static void drop_call(struct call *call) {
  luaL_unref(call->generation->L, LUA_REGISTRYINDEX, call->ref);
  mem_free(call);
}

static void give_back(struct call *call) {
  lua_settop(call->L, 0);
  list_push(&call->generation->idle, &call->node);
}

/* (the coroutine) → where it yielded. */
static int describe_yield(lua_State *L) {
  luaL_traceback(L, lua_touserdata(L, 1),
                 "coroutine.yield outside of a coroutine of its own", 0);
  return 1;
}

/* Runs the coroutine until it ends; what went wrong is in call->error then.
 * Returns whether it can be used again. */
static bool resume(struct call *call) {
  struct generation *generation = call->generation;
  int nresults;
  int status = lua_resume(call->L, generation->L, 1, &nresults);
  if (status == LUA_OK)
    return true;
  /* Only a script can have yielded: nothing of ours waits. Any other status
   * is a lack of memory so early that nothing was protected yet. */
  call->error = "not enough memory";
  if (status != LUA_YIELD)
    return false;
  lua_pushcfunction(generation->L, describe_yield);
  lua_pushlightuserdata(generation->L, call->L);
  if (lua_pcall(generation->L, 1, 1, 0) == LUA_OK)
    call->error = lua_tostring(generation->L, -1);
  return false;
}

static void run(struct call *call) {
  struct generation *generation = call->generation;
  int top = lua_gettop(generation->L);
  char ref[CALL_REF_BYTES];
  budget_start(&generation->budget,
               (uint64_t)generation->host->config->script_burst_ms);
  bool reusable = resume(call);
  bool too_long = budget_stop(&generation->budget);
  if (too_long && !call->error) /* caught, and gone before the next one */
    call->error = "computed for too long without waiting, and hid the error";
  if (call->error)
    fail(call, too_long ? ERR_HANDLER_TIMEOUT : ERR_HANDLER_ERROR, ref);
  if (call->spec.done)
    call->spec.done(&call->spec, &call->result);
  lua_settop(generation->L, top); /* an error's text may be there */
  if (reusable)
    give_back(call);
  else
    drop_call(call);
}

static void refuse_call(struct generation *generation,
                        const struct call_spec *spec) {
  struct call_result none = {
      .verdict = CALL_FAILED, .err = ERR_OVERLOADED, .ref = "memory"};
  log_error("gen=%u handler=%s no memory for a coroutine", generation->number,
            spec->handler->name);
  if (spec->done)
    spec->done(spec, &none);
}

void call_run(struct generation *generation, const struct call_spec *spec) {
  struct call *call = take_call(generation);
  if (!call) {
    refuse_call(generation, spec);
    return;
  }
  call->spec = *spec;
  call->result = (struct call_result){.verdict = CALL_OK};
  call->error = NULL;
  lua_pushcfunction(call->L, enter);
  lua_pushlightuserdata(call->L, call);
  run(call);
}

void call_free_idle(struct generation *generation) {
  struct list *node;
  while ((node = list_shift(&generation->idle)))
    mem_free(container_of(node, struct call, node));
}
