/* SPDX-License-Identifier: MIT
 * How long Lua may compute at a stretch.
 *
 * Each call of a script gets a number of milliseconds. A hook of Lua looks at
 * the clock while it computes, and raises when they are over; a script cannot
 * catch that for long. Time in which other threads had the processor does not
 * count, to some degree. C functions that may take long look at the clock
 * themselves, by budget_check. budget.c tells which code no hook sees, and who
 * stands guard there. */
#ifndef SCRIPT_BUDGET_H
#define SCRIPT_BUDGET_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

/* Zeroed: no time is running. */
struct budget {
  uint64_t start_ns;   /* when the time began that runs now, or ran last */
  uint64_t end_ns;     /* of uv_hrtime: when to look; 0: no limit now */
  uint64_t last_ns;    /* of uv_hrtime: over then, whoever had the processor */
  uint64_t cpu_end_ns; /* of the thread's CPU time; 0: nobody has looked yet */
  bool spent;          /* the hook has raised since budget_start */
  const char *why;     /* the text of that error */
  unsigned resumes;    /* counted for budget_check_often */
  const char *stack;   /* where the C stack was at budget_start */
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

/* Gives the state's Lua `ms` milliseconds of a processor from now. */
void budget_start(struct budget *budget, uint64_t ms);

/* To be called right after budget_start: and not more than `ms` milliseconds
 * of the clock on the wall. If those are fewer, `why` (constant) is the text of
 * the error. */
void budget_limit(struct budget *budget, uint64_t ms, const char *why);

/* The time is over for the coroutine `L`, which is resumed next. It raises
 * `why` (constant) at its next instruction, and at each one that follows until
 * it has unwound: protected calls do not help it. */
void budget_expire(struct budget *budget, lua_State *L, const char *why);

/* For C functions that take long: raises as the hook does, if the time is
 * over. `L` is the coroutine that the error is raised in. */
void budget_check(struct budget *budget, lua_State *L);

/* The same for functions that run other coroutines, each of which may be too
 * short for the hook. It looks at the clock at every 16th call only. If the
 * time was over in another coroutine, it raises at once. */
void budget_check_often(struct budget *budget, lua_State *L);

/* Whether the C stack has grown so much since budget_start that no function may
 * begin whose depth Lua does not count. */
bool budget_stack_is_deep(const struct budget *budget);

/* Nothing runs any more. Returns whether the time was over while it did. */
bool budget_stop(struct budget *budget);

#endif
