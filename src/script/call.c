/* SPDX-License-Identifier: MIT
 * The door into Lua: the scheduler of scripts.
 *
 * A call is taken from the pool and stepped until it ends. A step is one
 * lua_resume under a budget. After it the coroutine has ended, and `done` is
 * told what came of it; or it has yielded to wait, and is parked
 * (script/call_park) until its next step.
 *
 * Results and error texts stay on the coroutine's stack until `done` has seen
 * them. All of this happens on the worker's loop, between two steps of others:
 * Lua is never entered from Lua. */
#include "script/call.h"

#include "base/log.h"
#include "config/config.h"
#include "engine/timings.h"
#include "hub/conn.h"
#include "script/call_body.h"
#include "script/call_park.h"
#include "script/call_pool.h"
#include "script/call_trace.h"
#include "script/client_state.h"
#include "script/wait.h"

#include <stdio.h>
#include <time.h>

/* --- failures ------------------------------------------------------------- */

/* A reference that is in the log line and in the client's error. */
static void make_ref(struct host *host, char ref[CALL_REF_BYTES]) {
  unsigned salt = (unsigned)time(NULL);
  snprintf(ref, CALL_REF_BYTES, "e%d%06x%04x", host->worker, salt & 0xffffff,
           host->errors++ & 0xffff);
}

/* The result is a failure, which is logged and counted. `ref` is filled. */
static void fail_call(struct call *call, enum err err,
                      char ref[CALL_REF_BYTES]) {
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

static enum err failure_of(const struct call *call, bool too_long) {
  if (call->abort)
    return call->abort_err;
  return too_long ? ERR_HANDLER_TIMEOUT : ERR_HANDLER_ERROR;
}

/* What went wrong although the coroutine's own protected call says nothing of
 * it. */
static void find_error(struct call *call, int status, bool too_long) {
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

/* --- steps ---------------------------------------------------------------- */

/* What the handler took, waiting included: of one that has waited, in
 * milliseconds. Functions that timers call have no name of their own. */
static void note_time(const struct call *call) {
  struct host *host = call->generation->host;
  struct handler *handler = (struct handler *)call->spec.handler;
  uint64_t started_ns = call->waited ? call->started_ms * 1000000
                                     : call->generation->budget.start_ns;
  if (!host->timings || call->spec.function)
    return;
  if (!handler->timing)
    handler->timing =
        timings_of(host->timings, TIMING_HANDLER, host->worker, handler->name);
  uint64_t now_ns = uv_hrtime();
  timing_note(handler->timing, now_ns > started_ns ? now_ns - started_ns : 0,
              1);
}

/* What is told once the result is known. The connection goes on with its next
 * message when everything about this one is over. */
static void end_call(struct call *call, int status, bool too_long) {
  struct generation *generation = call->generation;
  struct conn *conn = call->waited ? call->spec.conn : NULL;
  char ref[CALL_REF_BYTES];
  call_set_state(call, CALL_ENDED);
  note_time(call);
  call_drop_deadline(call);
  wait_end(call);
  find_error(call, status, too_long);
  if (call->error)
    fail_call(call, failure_of(call, too_long), ref);
  if (conn)
    client_state_hand_over(generation, conn);
  if (call->spec.span)
    call_trace_end_take(call);
  else if (call->spec.done)
    call->spec.done(&call->spec, &call->result);
  bool out_of_memory = call->out_of_memory;
  call_pool_put(call, status == LUA_OK);
  if (out_of_memory)
    check_memory(generation);
  generation_tune(generation);
  if (conn)
    generation->host->conn_idle(conn);
  call_let_go(generation);
}

/* What is left of the handler's timeout may be less than a burst. */
static void start_call_budget(const struct call *call) {
  struct budget *budget = &call->generation->budget;
  uint64_t allowed = call->spec.handler->timeout_ms;
  uint64_t ms = (uint64_t)call->generation->config->script_burst_ms;
  budget_start(budget, ms);
  if (allowed) {
    uint64_t gone = uv_hrtime() / 1000000 - call->started_ms;
    budget_limit(budget, allowed > gone ? allowed - gone : 0, call_out_of_time);
  }
  if (call->abort)
    budget_expire(budget, call->L, call->abort);
}

/* Runs the coroutine until it yields or ends; its status. */
static int resume_call(struct call *call, int *nresults) {
  struct generation *generation = call->generation;
  struct host *host = generation->host;
  call_unpark(call);
  call_set_state(call, CALL_RUNNING);
  start_call_budget(call);
  turn_note(&host->turn, call->spec.conn, generation->budget.start_ns);
  generation->current = call;
  host_running(host, call->spec.handler);
  int status = call->spec.span
                   ? call_trace_resume(call, nresults)
                   : lua_resume(call->L, generation->L, 0, nresults);
  host_running(host, NULL);
  generation->current = NULL;
  return status;
}

static void step_call(struct call *call) {
  int nresults;
  int status = resume_call(call, &nresults);
  bool too_long = budget_stop(&call->generation->budget);
  if (status == LUA_YIELD && call->state == CALL_YIELDING) {
    call_park(call);
  } else if (status == LUA_YIELD) {
    /* It is unwound, not dropped: a script that has kept the coroutine could
     * go on with it when the call is no more. */
    lua_pop(call->L, nresults);
    call_abort(call, ERR_HANDLER_ERROR,
               "coroutine.yield outside of a coroutine of the script's own");
  } else {
    end_call(call, status, too_long);
  }
}

/* The call goes on: what it waited for is there, or it is aborted. */
static void on_call_turn(struct task *task) {
  step_call(container_of(task, struct call, task));
}

/* --- the door ------------------------------------------------------------- */

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
  struct call *call = call_pool_take(generation);
  if (!call) {
    refuse_call(generation, spec);
    return;
  }
  call_hold(generation);
  call->spec = *spec;
  call->result = (struct call_result){.verdict = CALL_OK};
  call->error = call->abort = NULL;
  call->waited = call->out_of_memory = false;
  call->started_ms = uv_now(generation->host->loop);
  call->task.run = on_call_turn;
  bool drawn = !spec->gated && !cause_now && trace_draws();
  if (call->spec.span || drawn || spec->traceparent.len > 0 || trace_is_told())
    call_trace_begin(call, drawn);
  call_body_push(call);
  step_call(call);
}

void call_abort_all(struct generation *generation, enum err err,
                    const char *why) {
  struct list *node;
  call_hold(generation); /* the last one's end may release it */
  while ((node = list_shift(&generation->waiting)))
    call_abort(container_of(node, struct call, node), err, why);
  call_let_go(generation);
}

void call_hold(struct generation *generation) {
  generation->calls++;
}

void call_let_go(struct generation *generation) {
  if (--generation->calls == 0 && list_linked(&generation->node))
    generation->host->generation_idle(generation);
}
