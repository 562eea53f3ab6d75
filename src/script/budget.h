/* SPDX-License-Identifier: MIT
 * How long Lua may compute at a stretch.
 *
 * A count hook looks at the clock every so many instructions. When the time
 * is over it raises, and goes on raising at every instruction until the
 * coroutine has unwound, so that a pcall in a loop cannot swallow it. Lua
 * gives a new coroutine the hook of its maker: those that scripts make are
 * under the same budget. Where Lua switches hooks off, script/coroutines and
 * script/finalizers stand guard. No hook runs in C functions: those that can
 * take long look at the clock themselves (budget_check), for those of the
 * standard library script/library does. What is left is named by
 * server/watchdog, and a __gc that is put into the metatable of a C library,
 * such as that of files. */
#ifndef SCRIPT_BUDGET_H
#define SCRIPT_BUDGET_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

/* Zeroed: no time is running. */
struct budget {
  uint64_t start_ns; /* when it began, of what runs now or has run last */
  uint64_t end_ns;   /* of uv_hrtime; 0: no limit at the moment */
  bool spent;        /* the hook has raised since budget_start */
  const char *why;   /* what it says then */
  unsigned resumes;  /* counted for budget_check_often */
  const char *stack; /* where the C stack was at budget_start */
};

/* Makes it the budget of a Lua state, before anything runs there. It stands in
 * the extra space, of which Lua gives each new coroutine a copy. */
static inline void budget_bind(struct budget *budget, lua_State *L) {
  *(struct budget **)lua_getextraspace(L) = budget;
}

/* The budget of the state that `L` is a coroutine of. */
static inline struct budget *budget_of(lua_State *L) {
  return *(struct budget **)lua_getextraspace(L);
}

/* Puts the hook on a coroutine, or on the main one of a state. */
void budget_watch(lua_State *L);

/* Gives the state's Lua `ms` milliseconds from now. */
void budget_start(struct budget *budget, uint64_t ms);

/* The time is over for the coroutine that is resumed next: what it does but
 * unwinding raises `why` (constant), with any number of protected calls. */
void budget_expire(struct budget *budget, lua_State *L, const char *why);

/* For C functions that take their time: raises as the hook does, if the time
 * is over. `L` is what waits for the error. */
void budget_check(struct budget *budget, lua_State *L);

/* The same for what runs other coroutines, each of which may have too few
 * instructions for the hook. Looks at the clock now and then; raises at once if
 * the time was over in another coroutine. */
void budget_check_often(struct budget *budget, lua_State *L);

/* Whether the C stack has grown by so much since budget_start that nothing may
 * begin now of which Lua does not know how deep it is. */
bool budget_stack_is_deep(const struct budget *budget);

/* Nothing runs any more. Returns whether the time was over. */
bool budget_stop(struct budget *budget);

#endif
