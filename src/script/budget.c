/* SPDX-License-Identifier: MIT
 * The computing time of Lua.
 *
 * The problem: one script that computes for ever holds a worker and all of its
 * clients. Lua cannot be interrupted from outside, but it calls a count hook
 * after so many instructions of a coroutine. Ours looks at the clock. When the
 * time is over it raises an error, and sets itself to run at each instruction.
 * A script may catch the error with pcall, but its next instruction raises
 * again, and so on until nothing of the coroutine is left. A hook belongs to a
 * coroutine. Lua gives a new one the hook of its maker, so that coroutines of
 * scripts are under the same budget.
 *
 * What runs without a hook, and who looks at the clock instead:
 *
 * - A C function: no instruction of Lua is counted in it. Ours look by
 *   themselves (JSON, the store, pack), at every eighth table. Those of the
 *   standard library are replaced by script/library.
 * - Coroutines that are too short for the hook, however many there are: each
 *   counts its own instructions. Whoever resumes one looks (script/coroutines).
 * - The message handler of an xpcall whose function the hook has ended, and
 *   whatever such a coroutine had still to close: Lua leaves hooks off there.
 *   script/coroutines runs neither.
 * - A finalizer (__gc): Lua runs it with hooks off. script/finalizers runs
 *   those of scripts in a coroutine that has a hook.
 * - One instruction that is long by itself, such as `a .. b` for very long
 *   strings; a pattern that goes back and forth; a C module; a __gc that a
 *   script puts into the metatable of a C library, such as that of files.
 *   Nobody ends these. server/watchdog looks from another thread and names the
 *   handler in the log. */
#include "script/budget.h"

#include <lauxlib.h>
#include <time.h>
#include <uv.h>

enum { INSTRUCTIONS = 1000 }; /* between two looks at the clock */

enum { RESUMES_A_LOOK = 16 };

/* As many times the budget pass at most, on however busy a machine: a script
 * that blocks again and again does not compute either. */
enum { WAITS = 10 };

/* A thread has at least 2 MiB, and Lua's own bound of 200 C calls comes above
 * this one. */
enum { STACK_BYTES = 256 * 1024 };

static void on_count(lua_State *L, lua_Debug *ar);

static uint64_t cpu_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* A thread may wait for a processor while others use it: nobody's script is to
 * blame for that. But reading the thread's own clock is a system call, which
 * the many calls that end before the first look should not pay for. So that
 * clock is read at the first look, and when the time on the wall is over. */
static bool is_out_of_time(struct budget *budget) {
  if (budget->end_ns == 0)
    return false;
  uint64_t now = uv_hrtime();
  if (now < budget->end_ns && budget->cpu_end_ns != 0)
    return false;
  uint64_t cpu = cpu_ns();
  if (budget->cpu_end_ns == 0)
    budget->cpu_end_ns =
        cpu + (now < budget->end_ns ? budget->end_ns - now : 0);
  if (now < budget->end_ns)
    return false;
  if (cpu >= budget->cpu_end_ns || now >= budget->last_ns)
    return true;
  budget->end_ns = now + (budget->cpu_end_ns - cpu);
  if (budget->end_ns > budget->last_ns)
    budget->end_ns = budget->last_ns;
  return false;
}

/* `level` is that of the function that computes, seen from here. */
static void raise_over(struct budget *budget, lua_State *L, int level) {
  budget->spent = true;
  lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
  luaL_where(L, level);
  lua_pushstring(L, budget->why);
  lua_concat(L, 2);
  lua_error(L);
}

static void on_count(lua_State *L, lua_Debug *ar) {
  struct budget *budget = budget_of(L);
  (void)ar;
  if (is_out_of_time(budget))
    raise_over(budget, L, 0); /* the hook itself is no level */
  else if (lua_gethookcount(L) != INSTRUCTIONS)
    budget_watch(L); /* a coroutine that outlived an earlier budget */
}

void budget_check(struct budget *budget, lua_State *L) {
  if (is_out_of_time(budget))
    raise_over(budget, L, 1); /* level 0 is the C function */
}

void budget_watch(lua_State *L) {
  lua_sethook(L, on_count, LUA_MASKCOUNT, INSTRUCTIONS);
}

void budget_check_often(struct budget *budget, lua_State *L) {
  if (budget->spent ||
      (++budget->resumes % RESUMES_A_LOOK == 0 && is_out_of_time(budget)))
    raise_over(budget, L, 1);
}

bool budget_stack_is_deep(const struct budget *budget) {
  const char *here = __builtin_frame_address(0);
  /* It grows downwards where Perigee runs, and one way everywhere. */
  return budget->stack &&
         (here < budget->stack ? budget->stack - here : here - budget->stack) >
             STACK_BYTES;
}

void budget_start(struct budget *budget, uint64_t ms) {
  budget->stack = __builtin_frame_address(0);
  budget->start_ns = uv_hrtime();
  budget->end_ns = budget->start_ns + ms * 1000000;
  budget->last_ns = budget->start_ns + ms * 1000000 * WAITS;
  budget->cpu_end_ns = 0;
  budget->spent = false;
  budget->why = "computed for too long without waiting";
}

void budget_limit(struct budget *budget, uint64_t ms, const char *why) {
  budget->last_ns = budget->start_ns + ms * 1000000;
  if (budget->end_ns > budget->last_ns) {
    budget->end_ns = budget->last_ns;
    budget->why = why;
  }
}

void budget_expire(struct budget *budget, lua_State *L, const char *why) {
  budget->end_ns = budget->last_ns = 1; /* long ago */
  budget->why = why;
  lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
}

bool budget_stop(struct budget *budget) {
  budget->end_ns = 0;
  return budget->spent;
}
