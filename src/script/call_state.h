/* SPDX-License-Identifier: MIT
 * A call while it is under way, for the files that run it: call_pool makes it,
 * call_body is what happens in its coroutine, call_values what goes in and
 * out, wait and call_park what happens while it waits, call what drives it.
 *
 *   IDLE ──► RUNNING ──► RETURNED ──► ENDED ──► IDLE
 *             │ ▲  └──────raised────────▲
 *             ▼ │
 *       YIELDING ──► PARKED ──► RUNNING
 */
#ifndef SCRIPT_CALL_STATE_H
#define SCRIPT_CALL_STATE_H

#include "base/list.h"
#include "net/turn.h"
#include "script/call_spec.h"

#include <lua.h>
#include <stdint.h>

struct deadline;
struct generation;
struct waiter;

enum call_state {
  CALL_IDLE,     /* in the pool, or on its way from or to it */
  CALL_RUNNING,  /* Lua runs it, arguments and @message included */
  CALL_RETURNED, /* the function has: what raises now are its results */
  CALL_YIELDING, /* wait_begin was called; the coroutine is about to stop */
  CALL_PARKED,   /* the coroutine stands still, until its waiter wakes it */
  CALL_ENDED,    /* Lua is done with it; `done` is told */
  CALL_STATES
};

struct call {
  struct list node;      /* in generation->idle or generation->waiting */
  struct list conn_node; /* in conn->calls while it is parked */
  enum call_state state; /* set by call_set_state only */
  struct generation *generation;
  lua_State *L; /* the coroutine */
  int ref;      /* registry reference that keeps it */
  struct call_spec spec;
  struct call_result result;
  const char *error;  /* on the coroutine's stack, or constant; NULL: none */
  bool out_of_memory; /* what `error` was about */

  struct task task; /* to go on: queued by wait_wake, run at once to abort */
  struct waiter *waiter;     /* begun and not ended; NULL: none */
  bool waited;               /* it was parked at least once */
  const char *abort;         /* why it must end, constant; NULL: it need not */
  enum err abort_err;        /* what is answered then */
  uint64_t started_ms;       /* loop time */
  struct deadline *deadline; /* call_park's; NULL: none */
};

/* The only place that changes the state; an impossible step is fatal. */
void call_set_state(struct call *call, enum call_state state);

#endif
