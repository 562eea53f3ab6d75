/* SPDX-License-Identifier: MIT
 * How long Lua may compute at a stretch.
 *
 * A count hook looks at the clock every so many instructions. When the time
 * is over it raises, and goes on raising at every instruction until the
 * coroutine has unwound, so that a pcall in a loop cannot swallow it. Lua
 * gives a new coroutine the hook of its maker: those that scripts make are
 * under the same budget. In message handlers of xpcall, in finalizers and in a
 * coroutine that the hook has ended Lua switches hooks off: all are guarded.
 * Not reached are C functions, in which no hook runs (see server/watchdog),
 * and a __gc that is put into the metatable of a C library, such as that of
 * files. */
#ifndef SCRIPT_BUDGET_H
#define SCRIPT_BUDGET_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

/* Zeroed: no time is running. */
struct budget {
  uint64_t end_ns; /* of uv_hrtime; 0: no limit at the moment */
  bool spent;      /* the hook has raised since budget_start */
  const char *why; /* what it says then */
};

/* Puts the hook on a coroutine, or on the main one of a state. */
void budget_watch(lua_State *L);

/* Replaces the global xpcall, whose message handler would run inside the hook
 * that raised, where no hook runs: it is not called when the time is over.
 * Replaces setmetatable, so that a finalizer (__gc), also one that is assigned
 * later, runs in a coroutine of its own, where hooks run; what it raises is
 * logged. debug.setmetatable gives none to userdata. Replaces coroutine.close
 * and coroutine.wrap, which would call __close where no hook runs: what the
 * hook has ended is not closed. debug.sethook raises. */
void budget_guard(lua_State *L);

/* Gives the state's Lua `ms` milliseconds from now. */
void budget_start(struct budget *budget, uint64_t ms);

/* The time is over for the coroutine that is resumed next: what it does but
 * unwinding raises `why` (constant), with any number of protected calls. */
void budget_expire(struct budget *budget, lua_State *L, const char *why);

/* For C functions that take their time: raises as the hook does, if the time
 * is over. `L` is what waits for the error. */
void budget_check(struct budget *budget, lua_State *L);

/* Nothing runs any more. Returns whether the time was over. */
bool budget_stop(struct budget *budget);

#endif
