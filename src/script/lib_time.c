/* SPDX-License-Identifier: MIT
 * Timers of scripts, on the worker's loop.
 *
 * A timer is found by its number: the object that a script holds is nothing
 * but that number, so that neither has to know when the other goes. It lives
 * until it is cancelled or, for after and spawn, until its function has
 * ended; its function counts as pending while it waits. */
#include "script/lib_time.h"

#include "base/mem.h"
#include "script/call.h"
#include "script/message.h"
#include "script/wait.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

enum timer_kind { TIMER_AFTER, TIMER_EVERY, TIMER_SPAWN };

struct timer {
  UT_hash_handle hh; /* in generation->timers; until it ends */
  uint64_t id;
  uv_timer_t uv;
  struct task task; /* queued when it is due */
  struct generation *generation;
  const struct handler *place; /* where it was made, for log lines */
  int function;                /* registry reference */
  enum timer_kind kind;
  bool running;   /* its function has begun and not ended */
  bool cancelled; /* it ends when the function has */
};

static const char METATABLE[] = "perigee.timer";
static const double SECONDS_MAX = 10.0 * 365 * 24 * 3600;

/* A loop that has worked for a while is behind the clock; a timer counts from
 * now, lest it ends early. But it is not due in the turn that it is made in,
 * and the loop's time stands still: timers that make the next ones would else
 * keep the loop from its sockets. */
static void start_timer(uv_timer_t *uv, uv_timer_cb ring, uint64_t ms,
                        uint64_t repeat) {
  uint64_t clock = uv_hrtime() / 1000000, now = uv_now(uv->loop);
  uint64_t behind = clock > now ? clock - now : 0;
  uv_timer_start(uv, ring, behind + (ms ? ms : 1), repeat);
}

static uint64_t check_duration(lua_State *L, int index, const char *function) {
  double seconds = luaL_checknumber(L, index);
  if (!(seconds >= 0 && seconds <= SECONDS_MAX))
    luaL_error(L, "perigee.%s: seconds must be from 0 to ten years", function);
  return (uint64_t)ceil(seconds * 1000.0);
}

/* --- sleep -------------------------------------------------------------- */

struct sleep {
  struct waiter waiter;
  uv_timer_t uv;
};

static int no_results(lua_State *L, struct waiter *waiter) {
  (void)L;
  (void)waiter;
  return 0;
}

static void on_sleep_closed(uv_handle_t *handle) {
  mem_free(container_of(handle, struct sleep, uv));
}

static void end_sleep(struct waiter *waiter) {
  struct sleep *sleep = container_of(waiter, struct sleep, waiter);
  uv_close((uv_handle_t *)&sleep->uv, on_sleep_closed);
}

static const struct waiter_kind sleeping = {"sleep", no_results, end_sleep};

static void on_slept(uv_timer_t *uv) {
  wait_wake(&container_of(uv, struct sleep, uv)->waiter);
}

static int sleep_seconds(lua_State *L) {
  uint64_t ms = check_duration(L, 1, "sleep");
  wait_check(L, "sleep");
  struct sleep *sleep = mem_alloc(sizeof *sleep);
  sleep->waiter.kind = &sleeping;
  uv_timer_init(generation_of(L)->host->loop, &sleep->uv);
  start_timer(&sleep->uv, on_slept, ms, 0);
  return wait_begin(L, &sleep->waiter);
}

/* --- timers ------------------------------------------------------------- */

static void on_script_timer_closed(uv_handle_t *handle) {
  mem_free(container_of(handle, struct timer, uv));
}

/* Never raises: to give back a reference allocates nothing. */
static void end_timer(struct timer *timer) {
  struct generation *generation = timer->generation;
  list_remove(&timer->task.node);
  HASH_DEL(generation->timers, timer);
  luaL_unref(generation->L, LUA_REGISTRYINDEX, timer->function);
  uv_close((uv_handle_t *)&timer->uv, on_script_timer_closed);
  if (timer->kind == TIMER_SPAWN)
    call_let_go(generation);
}

static void cancel_timer(struct timer *timer) {
  timer->cancelled = true;
  uv_timer_stop(&timer->uv);
  if (!timer->running)
    end_timer(timer);
}

static void on_timer_called(const struct call_spec *spec,
                            const struct call_result *result) {
  struct timer *timer = spec->arg;
  (void)result; /* a failure is in the log */
  timer->running = false;
  if (timer->cancelled || timer->kind != TIMER_EVERY)
    end_timer(timer);
}

static void on_timer_turn(struct task *task) {
  struct timer *timer = container_of(task, struct timer, task);
  timer->running = true;
  struct call_spec spec = {.handler = timer->place,
                           .function = timer->function,
                           .done = on_timer_called,
                           .arg = timer};
  call_run(timer->generation, &spec);
}

/* The next run of an `every` waits for the end of the one before it. */
static void on_timer_due(uv_timer_t *uv) {
  struct timer *timer = container_of(uv, struct timer, uv);
  if (!timer->running)
    turn_add(&timer->generation->host->turn, TURN_SCRIPTS, &timer->task);
}

/* What log lines say: "every scripts/chat.lua:12". Kept for each place, for as
 * long as the generation; a program has few of them. */
static const struct handler *find_place(lua_State *L, const char *function) {
  struct generation *generation = generation_of(L);
  struct handler *place;
  luaL_where(L, 1);
  size_t len = lua_rawlen(L, -1);
  const char *where = lua_tostring(L, -1);
  if (len > 2) /* "file:line: " */
    lua_pushlstring(L, where, len - 2);
  lua_pushfstring(L, "%s %s", function, lua_tostring(L, -1));
  const char *name = lua_tostring(L, -1);
  HASH_FIND_STR(generation->places, name, place);
  if (!place) {
    place = handler_new(name);
    HASH_ADD_KEYPTR(hh, generation->places, place->name, strlen(place->name),
                    place);
  }
  return place;
}

/* The function is on top of the stack, and is taken. */
static struct timer *add_timer(lua_State *L, enum timer_kind kind,
                               const struct handler *place, uint64_t ms) {
  struct generation *generation = generation_of(L);
  int function = luaL_ref(L, LUA_REGISTRYINDEX); /* the last that may raise */
  struct timer *timer = mem_alloc(sizeof *timer);
  timer->id = ++generation->last_timer;
  timer->generation = generation;
  timer->place = place;
  timer->function = function;
  timer->kind = kind;
  timer->task.run = on_timer_turn;
  list_init(&timer->task.node);
  uv_timer_init(generation->host->loop, &timer->uv);
  start_timer(&timer->uv, on_timer_due, ms, kind == TIMER_EVERY ? ms : 0);
  HASH_ADD(hh, generation->timers, id, sizeof timer->id, timer);
  return timer;
}

static void check_pending(lua_State *L, const char *function) {
  const struct generation *generation = generation_of(L);
  message_check_live(L);
  if (HASH_COUNT(generation->timers) >= LIB_TIME_PENDING_MAX)
    luaL_error(L, "perigee.%s: %d timers and spawned functions are pending",
               function, LIB_TIME_PENDING_MAX);
}

/* (seconds, function) → timer */
static int new_timer(lua_State *L, const char *function, enum timer_kind kind) {
  uint64_t ms = check_duration(L, 1, function);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  check_pending(L, function);
  if (list_linked(&generation_of(L)->node))
    luaL_error(L, "perigee.%s: these scripts have been replaced", function);
  if (kind == TIMER_EVERY && ms == 0)
    ms = 1;
  const struct handler *place = find_place(L, function);
  uint64_t *id = lua_newuserdatauv(L, sizeof *id, 0);
  *id = 0;
  luaL_setmetatable(L, METATABLE);
  lua_pushvalue(L, 2);
  *id = add_timer(L, kind, place, ms)->id;
  return 1;
}

static int timer_after(lua_State *L) {
  return new_timer(L, "after", TIMER_AFTER);
}

static int timer_every(lua_State *L) {
  return new_timer(L, "every", TIMER_EVERY);
}

static int after_spawned(lua_State *L, int status, lua_KContext context) {
  (void)L;
  (void)status;
  (void)context;
  return 0;
}

/* Upvalue 1 is the table of function and arguments, n of them. */
static int run_spawned(lua_State *L) {
  int table = lua_upvalueindex(1);
  lua_getfield(L, table, "n");
  int n = (int)lua_tointeger(L, -1);
  lua_settop(L, 0);
  luaL_checkstack(L, n, "too many arguments");
  for (int i = 1; i <= n; i++)
    lua_rawgeti(L, table, i);
  lua_callk(L, n - 1, 0, 0, after_spawned);
  return 0;
}

/* (function, …): runs it soon, in a coroutine that may wait. */
static int spawn_function(lua_State *L) {
  int n = lua_gettop(L);
  luaL_checktype(L, 1, LUA_TFUNCTION);
  check_pending(L, "spawn");
  const struct handler *place = find_place(L, "spawn");
  lua_settop(L, n);
  lua_createtable(L, n, 1);
  lua_insert(L, 1);
  for (int i = n; i >= 1; i--)
    lua_rawseti(L, 1, i);
  lua_pushinteger(L, n);
  lua_setfield(L, 1, "n");
  lua_pushcclosure(L, run_spawned, 1);
  add_timer(L, TIMER_SPAWN, place, 0);
  call_hold(generation_of(L)); /* it is owed, also after a reload */
  return 0;
}

/* timer:cancel() → whether there was anything left to cancel. */
static int timer_cancel(lua_State *L) {
  const uint64_t *id = luaL_checkudata(L, 1, METATABLE);
  struct generation *generation = generation_of(L);
  struct timer *timer;
  HASH_FIND(hh, generation->timers, id, sizeof *id, timer);
  bool pending = timer && !timer->cancelled &&
                 (timer->kind == TIMER_EVERY || !timer->running);
  if (pending)
    cancel_timer(timer);
  lua_pushboolean(L, pending);
  return 1;
}

static int timer_tostring(lua_State *L) {
  const uint64_t *id = luaL_checkudata(L, 1, METATABLE);
  struct timer *timer;
  HASH_FIND(hh, generation_of(L)->timers, id, sizeof *id, timer);
  lua_pushfstring(L, "timer(%s)", timer ? timer->place->name : "over");
  return 1;
}

/* --- the end of a generation -------------------------------------------- */

void lib_time_retire(struct generation *generation) {
  struct timer *timer = NULL, *next = NULL;
  HASH_ITER (hh, generation->timers, timer, next)
    if (timer->kind != TIMER_SPAWN)
      cancel_timer(timer);
}

void lib_time_close(struct generation *generation) {
  struct timer *timer = NULL, *next = NULL;
  HASH_ITER (hh, generation->timers, timer, next)
    cancel_timer(timer);
}

/* --- opening ------------------------------------------------------------ */

static const luaL_Reg functions[] = {
    {"sleep", sleep_seconds},  {"after", timer_after}, {"every", timer_every},
    {"spawn", spawn_function}, {NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"cancel", timer_cancel},
    {NULL, NULL},
};

void lib_time_open(lua_State *L) {
  luaL_newmetatable(L, METATABLE);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, timer_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushboolean(L, false);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}
