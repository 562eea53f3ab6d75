/* SPDX-License-Identifier: MIT
 * Runs Lua functions in pooled coroutines: the scheduler of scripts.
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
 * them.
 *
 * A call that waits has yielded to `step`, which parks it: in the generation's
 * list, and in that of its connection, whose next message waits until the list
 * is empty again. wait_wake queues the next step, call_abort steps on. All of
 * that happens on the worker's loop, between two calls: Lua is never entered
 * from Lua. */
#include "script/call.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "config/config.h"
#include "hub/conn.h"
#include "script/client_state.h"
#include "script/json.h"
#include "script/lib_client.h"
#include "script/wait.h"
#include "wire/json.h"

#include <lauxlib.h>
#include <stdio.h>
#include <time.h>

/* Coroutines that are kept for the next calls. */
enum { IDLE_MAX = 256 };

/* Ends a call that waits longer than its handler allows. */
struct deadline {
  uv_timer_t timer;
  struct call *call;
};

struct call {
  struct list node;      /* in generation->idle or generation->waiting */
  struct list conn_node; /* in conn->calls while it waits */
  struct generation *generation;
  lua_State *L; /* the coroutine */
  int ref;      /* registry reference that keeps it */
  struct call_spec spec;
  struct call_result result;
  const char *error; /* on the coroutine's stack, or constant; NULL: none */
  bool out_of_memory;
  bool returned; /* it has ended by itself: what raises now are its results */

  struct task task;      /* queued when it is to go on */
  struct waiter *waiter; /* begun and not ended; NULL: none */
  bool waiting;          /* the coroutine has yielded for it */
  bool waited;           /* at least once */
  const char *abort;     /* why it must end, constant; NULL: it need not */
  enum err abort_err;
  uint64_t started_ms; /* loop time */
  struct deadline *deadline;
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
  case CALL_TRUE:
  case CALL_FALSE:
    lua_pushboolean(L, arg->kind == CALL_TRUE);
    break;
  }
}

static void push_args(lua_State *L, const struct call *call) {
  for (int i = 0; i < call->spec.nargs; i++)
    push_arg(L, call, &call->spec.args[i]);
}

static const char *check_text(lua_State *L, int index,
                              const struct generation *generation) {
  size_t len, most = generation->sending.bytes;
  const char *text = lua_tolstring(L, index, &len);
  if (len > most)
    luaL_error(L,
               "an error code or text has more than %I bytes "
               "(limits.send_bytes)",
               (LUAI_UACINT)most);
  if (!utf8_valid(text, len))
    luaL_error(L, "an error code or text is not valid UTF-8");
  return text;
}

/* The fourth value of a refusal. */
static void encode_refusal(lua_State *L, struct call *call) {
  struct buf *out = &call->generation->scratch;
  buf_reset(out, GENERATION_SCRATCH_KEEP);
  json_encode(L, 4, out, &call->generation->sending);
  call->result.value[0] = (struct call_arg){CALL_JSON, out->data, out->len};
}

/* Whether the values on the stack are a refusal: nil, code, text, data. */
static bool refused(lua_State *L, struct call *call) {
  if (!lua_isnil(L, 1) || lua_isnoneornil(L, 2))
    return false;
  if (lua_type(L, 2) != LUA_TSTRING)
    luaL_error(L, "the error code after nil must be a string, not a %s",
               luaL_typename(L, 2));
  call->result.verdict = CALL_REFUSED;
  call->result.code = check_text(L, 2, call->generation);
  call->result.text =
      check_text(L, lua_type(L, 3) == LUA_TSTRING ? 3 : 2, call->generation);
  if (!lua_isnoneornil(L, 4))
    encode_refusal(L, call);
  return true;
}

/* Writes the values into the scratch buffer, one behind the other. The buffer
 * may move while it grows: texts are set when all is written. */
static void encode_results(lua_State *L, struct call *call) {
  struct buf *out = &call->generation->scratch;
  size_t ends[CALL_RESULTS_MAX];
  buf_reset(out, GENERATION_SCRATCH_KEEP);
  for (int i = 0; i < call->spec.results; i++) {
    if (!lua_isnoneornil(L, i + 1))
      json_encode(L, i + 1, out, &call->generation->sending);
    ends[i] = out->len;
  }
  size_t start = 0;
  for (int i = 0; i < call->spec.results; i++) {
    call->result.value[i] =
        (struct call_arg){CALL_JSON, out->data + start, ends[i] - start};
    start = ends[i];
  }
}

/* --- inside the coroutine, protected ------------------------------------- */

static int after_handler(lua_State *L, int status, lua_KContext context) {
  struct call *call = (struct call *)context;
  (void)status;
  call->returned = true;
  if (!refused(L, call) && call->spec.results)
    encode_results(L, call);
  return lua_gettop(L); /* they stay on the coroutine's stack */
}

/* The stack holds the function and its arguments. */
static int run_handler(lua_State *L, struct call *call) {
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
    refused(L, call);
    return lua_gettop(L);
  }
  lua_settop(L, ours);
  return run_handler(L, call);
}

/* @message(client, type, data) first, which may refuse. It sees the very data
 * that the handler gets. */
static int run_gate(lua_State *L, struct call *call) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->generation->hooks[HOOK_MESSAGE]->ref);
  lua_pushvalue(L, 2);
  lua_pushstring(L, call->spec.handler->name);
  lua_pushvalue(L, 3); /* function client data, hook client type data */
  lua_callk(L, 3, LUA_MULTRET, (lua_KContext)call, after_gate);
  return after_gate(L, LUA_OK, (lua_KContext)call);
}

static void push_function(lua_State *L, const struct call_spec *spec) {
  lua_rawgeti(L, LUA_REGISTRYINDEX,
              spec->function ? spec->function : spec->handler->ref);
}

static int body(lua_State *L) {
  struct call *call = lua_touserdata(L, 1);
  const struct call_spec *spec = &call->spec;
  lua_settop(L, 0);
  push_function(L, spec);
  push_args(L, call);
  if (spec->gated && call->generation->hooks[HOOK_MESSAGE])
    return run_gate(L, call);
  return run_handler(L, call);
}

/* The function whose results raise is in no traceback any more. */
static const char *where_returned(lua_State *L, const struct call_spec *spec,
                                  const char *text) {
  lua_Debug ar;
  push_function(L, spec);
  lua_getinfo(L, ">S", &ar);
  return lua_pushfstring(L, "%s:%d: what this function returned: %s",
                         ar.short_src, ar.linedefined, text);
}

/* The error becomes a text with a traceback. One that is not a string is
 * described without asking its metatable, which is the script's own. */
static int describe(lua_State *L) {
  const char *text = lua_type(L, 1) == LUA_TSTRING
                         ? lua_tostring(L, 1)
                         : lua_pushfstring(L, "(an error that is a %s value)",
                                           luaL_typename(L, 1));
  const struct call *call = generation_of(L)->current;
  if (call && call->returned)
    text = where_returned(L, &call->spec, text);
  luaL_traceback(L, L, text, 1);
  return 1;
}

/* The stack holds `describe` and then the results, or the text of an error. */
static int after_body(lua_State *L, int status, lua_KContext context) {
  struct call *call = (struct call *)context;
  if (status != LUA_OK && status != LUA_YIELD)
    call->error = lua_tostring(L, -1);
  call->out_of_memory = status == LUA_ERRMEM;
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
  struct stats *stats = call->generation->host->stats;
  make_ref(call->generation->host, ref);
  log_error("gen=%u handler=%s conn=%llu user=%s ref=%s %s",
            call->generation->number, call->spec.handler->name,
            conn ? (unsigned long long)conn->id : 0,
            conn ? conn_user_name(conn) : "-", ref, call->error);
  stats->handler_errors++;
  if (err == ERR_HANDLER_TIMEOUT)
    stats->handler_timeouts++;
  if (call->out_of_memory)
    stats->handler_memory_errors++;
  call->result = (struct call_result){
      .verdict = CALL_FAILED, .err = err, .ref = ref, .error = call->error};
}

/* After a failure for lack of memory: whether the state is full for good, or
 * the one call wanted too much, is known after a collection. */
static void check_memory(struct generation *generation) {
  size_t limit = generation->heap.limit;
  if (!limit || generation->heap.used < limit - limit / 8)
    return;
  lua_gc(generation->L, LUA_GCCOLLECT);
  if (generation->heap.used >= limit - limit / 8 &&
      generation == generation->host->live)
    generation->host->generation_full(generation);
}

/* --- pool --------------------------------------------------------------- */

/* Makes a call with a coroutine; raises without memory. */
static int make_call(lua_State *L) {
  struct call *call = lua_touserdata(L, 1);
  call->L = lua_newthread(L);
  budget_watch(call->L);
  call->ref = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

_Static_assert(offsetof(struct call, node) == 0,
               "generation_free frees idle calls by their nodes");

static struct call *take_call(struct generation *generation) {
  struct list *node = list_shift(&generation->idle);
  if (node) {
    generation->idle_count--;
    return container_of(node, struct call, node);
  }
  struct call *call = mem_alloc(sizeof *call);
  call->generation = generation;
  list_init(&call->node);
  list_init(&call->conn_node);
  list_init(&call->task.node);
  lua_State *L = generation->L;
  lua_pushcfunction(L, make_call);
  lua_pushlightuserdata(L, call);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK)
    return call;
  lua_pop(L, 1);
  mem_free(call);
  return NULL;
}

/* Keeps a coroutine that can be used again, or drops it. */
static void put_call(struct call *call, bool reusable) {
  struct generation *generation = call->generation;
  if (reusable && generation->idle_count < IDLE_MAX) {
    lua_settop(call->L, 0);
    list_push(generation->idle.next, &call->node); /* first: it is warm */
    generation->idle_count++;
    return;
  }
  luaL_unref(generation->L, LUA_REGISTRYINDEX, call->ref);
  mem_free(call);
}

/* --- waiting ------------------------------------------------------------ */

static const char out_of_time[] = "took longer than its timeout";

static void on_deadline_closed(uv_handle_t *handle) {
  mem_free(container_of(handle, struct deadline, timer));
}

static void drop_deadline(struct call *call) {
  if (call->deadline)
    uv_close((uv_handle_t *)&call->deadline->timer, on_deadline_closed);
  call->deadline = NULL;
}

static void end_waiter(struct call *call) {
  struct waiter *waiter = call->waiter;
  call->waiter = NULL;
  if (waiter)
    waiter->kind->end(waiter);
}

static void step(struct call *call, int nargs);

static void call_abort(struct call *call, enum err err, const char *why) {
  call->abort = why;
  call->abort_err = err;
  step(call, 0);
}

static void on_deadline(uv_timer_t *timer) {
  struct deadline *deadline = container_of(timer, struct deadline, timer);
  call_abort(deadline->call, ERR_HANDLER_TIMEOUT, out_of_time);
}

static void set_deadline(struct call *call) {
  uint32_t allowed = call->spec.handler->timeout_ms;
  uv_loop_t *loop = call->generation->host->loop;
  uint64_t gone = uv_now(loop) - call->started_ms;
  if (!allowed || call->deadline)
    return;
  call->deadline = mem_alloc(sizeof *call->deadline);
  call->deadline->call = call;
  uv_timer_init(loop, &call->deadline->timer);
  uv_timer_start(&call->deadline->timer, on_deadline,
                 allowed > gone ? allowed - gone : 0, 0);
}

/* It waits: whoever is concerned can find it. */
static void park(struct call *call) {
  call->waited = true;
  list_push(&call->generation->waiting, &call->node);
  if (call->spec.conn)
    list_push(&call->spec.conn->calls, &call->conn_node);
  set_deadline(call);
}

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

/* The coroutine goes on here. */
static int resumed(lua_State *L, int status, lua_KContext context) {
  struct call *call = (struct call *)context;
  struct waiter *waiter = call->waiter;
  (void)status;
  if (generation_of(L)->current != call) /* coroutine.resume of a script */
    return lua_yieldk(L, 0, context, resumed);
  if (call->abort)
    return luaL_error(L, "%s", call->abort);
  /* If this raises the waiter is ended with the call, or by the next one. */
  int results = waiter->kind->results(L, waiter);
  end_waiter(call);
  return results;
}

int wait_begin(lua_State *L, struct waiter *waiter) {
  struct call *call = generation_of(L)->current;
  end_waiter(call); /* of one whose results could not be pushed */
  waiter->call = call;
  call->waiter = waiter;
  call->waiting = true;
  return lua_yieldk(L, 0, (lua_KContext)call, resumed);
}

static void on_turn(struct task *task) {
  step(container_of(task, struct call, task), 0);
}

void wait_wake(struct waiter *waiter) {
  struct call *call = waiter->call;
  call->task.run = on_turn;
  turn_add(&call->generation->host->turn,
           call->spec.conn ? TURN_CLIENTS : TURN_SCRIPTS, &call->task);
}

void call_abort_all(struct generation *generation, enum err err,
                    const char *why) {
  struct list *node;
  call_hold(generation); /* the last one's end may release it */
  while ((node = list_shift(&generation->waiting)))
    call_abort(container_of(node, struct call, node), err, why);
  call_let_go(generation);
}

/* --- the door ----------------------------------------------------------- */

void call_hold(struct generation *generation) {
  generation->calls++;
}

void call_let_go(struct generation *generation) {
  if (--generation->calls == 0 && list_linked(&generation->node))
    generation->host->generation_idle(generation);
}

static enum err failure(const struct call *call, bool too_long) {
  if (call->abort)
    return call->abort_err;
  return too_long ? ERR_HANDLER_TIMEOUT : ERR_HANDLER_ERROR;
}

/* What is told once the result is known. The connection goes on with its next
 * message when everything about this one is over. */
static void finish(struct call *call, int status, bool too_long) {
  struct generation *generation = call->generation;
  struct conn *conn = call->waited ? call->spec.conn : NULL;
  bool out_of_memory;
  char ref[CALL_REF_BYTES];
  drop_deadline(call);
  end_waiter(call);
  if (status != LUA_OK) {
    /* No memory, so early that nothing was protected yet; or a script has
     * closed a coroutine that is ours. Lua's text says which. */
    call->error = lua_tostring(call->L, -1);
    call->out_of_memory = status == LUA_ERRMEM;
  }
  if (!call->error && call->abort) /* there was nothing left to unwind */
    call->error = call->abort;
  else if (!call->error && too_long) /* caught, and gone before the next one */
    call->error = "its time was over, and it hid the error";
  if (call->error)
    fail(call, failure(call, too_long), ref);
  if (conn)
    client_state_hand_over(generation, conn);
  if (call->spec.done)
    call->spec.done(&call->spec, &call->result);
  out_of_memory = call->out_of_memory;
  put_call(call, status == LUA_OK);
  if (out_of_memory)
    check_memory(generation);
  generation_tune(generation);
  if (conn)
    generation->host->conn_idle(conn);
  call_let_go(generation);
}

/* What is left of the handler's timeout may be less than a burst. */
static void start_budget(const struct call *call) {
  struct budget *budget = &call->generation->budget;
  uint64_t allowed = call->spec.handler->timeout_ms;
  uint64_t ms = (uint64_t)call->generation->config->script_burst_ms;
  budget_start(budget, ms);
  if (allowed) {
    uint64_t gone = uv_hrtime() / 1000000 - call->started_ms;
    uint64_t left = allowed > gone ? allowed - gone : 0;
    if (left < ms) {
      budget_start(budget, left);
      budget->why = out_of_time;
    }
  }
  if (call->abort)
    budget_expire(budget, call->L, call->abort);
}

/* Runs the coroutine until it waits or ends. */
static void step(struct call *call, int nargs) {
  struct generation *generation = call->generation;
  struct host *host = generation->host;
  int nresults;
  call->waiting = false;
  list_remove(&call->task.node);
  list_remove(&call->node);
  list_remove(&call->conn_node);
  start_budget(call);
  turn_note(&host->turn, call->spec.conn, generation->budget.start_ns);
  generation->current = call;
  host_running(host, call->spec.handler);
  int status = lua_resume(call->L, generation->L, nargs, &nresults);
  host_running(host, NULL);
  generation->current = NULL;
  bool too_long = budget_stop(&generation->budget);
  if (status == LUA_YIELD && call->waiting) {
    park(call);
  } else if (status == LUA_YIELD) {
    /* It is unwound, not dropped: a script that has kept the coroutine could
     * go on with it when the call is no more. */
    lua_pop(call->L, nresults);
    call_abort(call, ERR_HANDLER_ERROR,
               "coroutine.yield outside of a coroutine of the script's own");
  } else {
    finish(call, status, too_long);
  }
}

static void refuse_call(struct generation *generation,
                        const struct call_spec *spec) {
  struct call_result none = {.verdict = CALL_FAILED,
                             .err = ERR_OVERLOADED,
                             .ref = "memory",
                             .error = "no memory for a coroutine"};
  log_error("gen=%u handler=%s no memory for a coroutine", generation->number,
            spec->handler->name);
  generation->host->stats->handler_memory_errors++;
  if (spec->done)
    spec->done(spec, &none);
  check_memory(generation);
}

void call_run(struct generation *generation, const struct call_spec *spec) {
  struct call *call = take_call(generation);
  if (!call) {
    refuse_call(generation, spec);
    return;
  }
  call_hold(generation);
  call->spec = *spec;
  call->result = (struct call_result){.verdict = CALL_OK};
  call->error = call->abort = NULL;
  call->waited = call->out_of_memory = call->returned = false;
  call->started_ms = uv_now(generation->host->loop);
  lua_pushcfunction(call->L, enter);
  lua_pushlightuserdata(call->L, call);
  step(call, 1);
}
