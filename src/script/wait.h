/* SPDX-License-Identifier: MIT
 * For the C functions of scripts that wait: sleep, fetch.
 *
 * Such a function starts an operation on the worker's loop, and ends in
 * `return wait_begin(L, &operation->waiter)`. The coroutine stands still, and
 * the loop goes on. When the operation is complete it calls wait_wake, and the
 * function returns to the script what `results` pushes. The call may be aborted
 * before, by its handler's timeout or by the end of its generation. */
#ifndef SCRIPT_WAIT_H
#define SCRIPT_WAIT_H

#include <lua.h>
#include <stdbool.h>

struct call;
struct waiter;

struct waiter_kind {
  const char *name; /* "fetch" */
  /* Pushes what the function returns; returns how many values that is. Runs in
   * the coroutine, protected: it may raise. */
  int (*results)(lua_State *L, struct waiter *waiter);
  /* Called exactly once: after the results were taken, or when nobody wants
   * them any more. Stops the operation if it is under way, and frees it. Must
   * not enter Lua. */
  void (*end)(struct waiter *waiter);
};

/* Lives in the operation. Its maker sets `kind`, wait_begin sets `call`. */
struct waiter {
  const struct waiter_kind *kind;
  struct call *call;
};

/* Raises if the function cannot wait, and names it: while scripts are loaded;
 * in a coroutine of the script's own; below a C function that cannot stand
 * still (table.sort, string.gsub, a finalizer). To be called before anything is
 * made that an error would leak. */
void wait_check(lua_State *L, const char *function);

/* Whether wait_check would not raise. */
bool wait_can(lua_State *L);

/* Has the coroutine yield. To be called in tail position of the C function,
 * after wait_check. */
int wait_begin(lua_State *L, struct waiter *waiter);

/* The operation is complete: the coroutine goes on when it is its turn
 * (net/turn). The results must be there until `end` is called, which may come
 * first. To be called from the loop only, never from a C function that a script
 * has called. */
void wait_wake(struct waiter *waiter);

/* For script/call, when the call has ended: ends the operation that it waits
 * for or has waited for, if there is one. */
void wait_end(struct call *call);

#endif
