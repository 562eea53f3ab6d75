/* SPDX-License-Identifier: MIT
 * Calls that wait.
 *
 * The problem: a handler says `perigee.sleep(1)` in the middle of a loop, and
 * the worker has other clients. So the coroutine of the call stops there
 * (script/wait yields it), lua_resume returns to script/call, and the call is
 * parked: it stands in the generation's list, from which the end of a
 * generation finds it, and in that of its connection. As long as the latter
 * list has something, the connection's next messages wait in its inbox; so a
 * client sees its messages handled one after another, although each may wait.
 *
 * A parked call is in the hands of three. Whoever comes first takes it out of
 * everything that the others would find it by (call_unpark):
 *
 * - its waiter wakes it: queued in net/turn, it goes on when it is its turn;
 * - its handler's timeout ends (the deadline below);
 * - its generation ends, and aborts all that wait (call_abort_all).
 *
 * The end of its connection is none of these. The call goes on, with a client
 * that answers "closed", and the connection is freed after it.
 *
 * To abort is to go on, too. The coroutine is resumed under a budget that is
 * over already, so that it raises where it waited and at each instruction
 * after that; protected calls of the script cannot hold it for long, and what
 * it has still to close is closed. A coroutine is never just dropped: a script
 * may have kept it, and could resume it when its call is no more.
 *
 * The files here stand below script/call, which knows how to go on. It has put
 * that into task.run: the queue calls it, and so does call_abort.
 *
 * The waiter is ended exactly once: when its results were taken, or by the end
 * of the call. The deadline is made only when the call waits for the first
 * time, and stays until it has ended: a timeout is for the whole handler. */
#include "script/call_park.h"

#include "base/mem.h"
#include "hub/conn.h"
#include "script/generation.h"

#include <uv.h>

const char call_out_of_time[] = "took longer than its timeout";

/* Ends a call that waits longer than its handler allows. */
struct deadline {
  uv_timer_t timer;
  struct call *call;
};

/* --- the deadline --------------------------------------------------------- */

static void on_call_late(uv_timer_t *timer) {
  struct deadline *deadline = container_of(timer, struct deadline, timer);
  call_abort(deadline->call, ERR_HANDLER_TIMEOUT, call_out_of_time);
}

static void need_deadline(struct call *call) {
  uint32_t allowed = call->spec.handler->timeout_ms;
  uv_loop_t *loop = call->generation->host->loop;
  uint64_t gone = uv_now(loop) - call->started_ms;
  if (!allowed || call->deadline)
    return;
  call->deadline = mem_alloc(sizeof *call->deadline);
  call->deadline->call = call;
  uv_timer_init(loop, &call->deadline->timer);
  uv_timer_start(&call->deadline->timer, on_call_late,
                 allowed > gone ? allowed - gone : 0, 0);
}

static void on_deadline_closed(uv_handle_t *handle) {
  mem_free(container_of(handle, struct deadline, timer));
}

void call_drop_deadline(struct call *call) {
  if (call->deadline)
    uv_close((uv_handle_t *)&call->deadline->timer, on_deadline_closed);
  call->deadline = NULL;
}

/* --- parking -------------------------------------------------------------- */

void call_park(struct call *call) {
  call_set_state(call, CALL_PARKED);
  call->waited = true;
  list_push(&call->generation->waiting, &call->node);
  if (call->spec.conn)
    list_push(&call->spec.conn->calls, &call->conn_node);
  need_deadline(call);
}

void call_unpark(struct call *call) {
  list_remove(&call->task.node);
  list_remove(&call->node);
  list_remove(&call->conn_node);
}

void call_abort(struct call *call, enum err err, const char *why) {
  call->abort = why;
  call->abort_err = err;
  call->task.run(&call->task);
}
