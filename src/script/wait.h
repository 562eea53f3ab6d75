/* SPDX-License-Identifier: MIT
 * For the C functions of scripts that wait: sleep, fetch.
 *
 * Such a function starts an operation on the worker's loop and ends in
 * `return wait_begin(L, &operation->waiter)`. The coroutine stands still; the
 * loop goes on. When the operation is complete it calls wait_wake, and the
 * function returns to the script what `results` pushes. The call may be
 * aborted meanwhile (its handler's timeout, the end of its generation). */
#ifndef SCRIPT_WAIT_H
#define SCRIPT_WAIT_H

#include <lua.h>

struct call;
struct waiter;

struct waiter_kind {
  const char *name; /* "fetch" */
  /* Pushes what the function returns and answers how many. Runs in the
   * coroutine, protected: it may raise. */
  int (*results)(lua_State *L, struct waiter *waiter);
  /* Called exactly once, after the results were taken or when nobody wants
   * them any more: stops the operation if it is under way, and frees it. Must
   * not enter Lua. */
  void (*end)(struct waiter *waiter);
};

/* Lives in the operation; `kind` is its maker's, `call` is wait_begin's. */
struct waiter {
  const struct waiter_kind *kind;
  struct call *call;
};

/* Raises, naming the function, where it cannot wait: while scripts are loaded,
 * in a coroutine of the script's own, below a C function that cannot stand
 * still (table.sort, string.gsub, a finalizer). Call it before making
 * anything that an error would leak. */
void wait_check(lua_State *L, const char *function);

/* In tail position of the C function, after wait_check. */
int wait_begin(lua_State *L, struct waiter *waiter);

/* The coroutine goes on when it is its turn (net/turn). The results are to be
 * there until `end`, which may come first. Only from the loop, never from a C
 * function that a script called. */
void wait_wake(struct waiter *waiter);

/* For script/call, when the call has ended: ends the operation that it waits
 * for or has waited for, if there is one. */
void wait_end(struct call *call);

#endif
