/* SPDX-License-Identifier: MIT
 * The computing time of Lua. */
#include "script/budget.h"

#include "base/log.h"
#include "config/config.h"
#include "script/generation.h"

#include <lauxlib.h>
#include <uv.h>

enum { INSTRUCTIONS = 1000 }; /* between two looks at the clock */

static void on_count(lua_State *L, lua_Debug *ar);

static bool is_over(const struct budget *budget) {
  return budget->end_ns != 0 && uv_hrtime() >= budget->end_ns;
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
  struct budget *budget = &generation_of(L)->budget;
  (void)ar;
  if (is_over(budget))
    raise_over(budget, L, 0); /* the hook itself is no level */
  else if (lua_gethookcount(L) != INSTRUCTIONS)
    budget_watch(L); /* a coroutine that outlived an earlier budget */
}

void budget_check(struct budget *budget, lua_State *L) {
  if (is_over(budget))
    raise_over(budget, L, 1); /* level 0 is the C function */
}

void budget_watch(lua_State *L) {
  lua_sethook(L, on_count, LUA_MASKCOUNT, INSTRUCTIONS);
}

/* Upvalue 1 is the script's message handler. */
static int guarded_handler(lua_State *L) {
  if (generation_of(L)->budget.spent)
    return 1; /* the error as it is */
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}

static int after_xpcall(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  return lua_gettop(L);
}

/* (function, message handler, …); upvalue 1 is Lua's own xpcall. */
static int guarded_xpcall(lua_State *L) {
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, guarded_handler, 1);
  lua_replace(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, after_xpcall);
  return lua_gettop(L);
}

/* --- coroutines --------------------------------------------------------- */

static bool has_failed(lua_State *co) {
  return lua_status(co) != LUA_OK && lua_status(co) != LUA_YIELD;
}

/* Lua leaves hooks off for good in a coroutine that an error of a hook has
 * ended. What it had still to close would run there without a budget. */
static bool ended_by_hook(lua_State *co) {
  return has_failed(co) && lua_gethookcount(co) == 1;
}

/* (coroutine); upvalue 1 is Lua's own coroutine.close. */
static int guarded_close(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  if (co && ended_by_hook(co)) {
    lua_pushboolean(L, false);
    lua_pushliteral(L, "its time was over: nothing in it is closed");
    return 2;
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* Moves n values from one stack to the other. */
static void move(lua_State *L, lua_State *from, lua_State *to, int n) {
  if (!lua_checkstack(to, n))
    luaL_error(L, "too many values for a coroutine");
  lua_xmove(from, to, n);
}

/* What coroutine.wrap returns; upvalue 1 is the coroutine. As Lua's own, but
 * for the close. */
static int resume_wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int nargs = lua_gettop(L), nresults;
  move(L, L, co, nargs);
  int status = lua_resume(co, L, nargs, &nresults);
  if (status == LUA_OK || status == LUA_YIELD) {
    move(L, co, L, nresults);
    return nresults;
  }
  if (has_failed(co) && !ended_by_hook(co))
    status = lua_resetthread(co);
  move(L, co, L, 1);
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

/* (function) → function */
static int wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, resume_wrapped, 1);
  return 1;
}

/* --- finalizers --------------------------------------------------------- */

/* Lua calls a finalizer where hooks are off, and takes it from the metatable
 * only then, so that a function put in there would not last: whoever assigns
 * mt.__gc later replaces it. So what scripts give a finalizer Lua knows
 * nothing of. It has a guard instead, a userdata that holds it, and is held by
 * a table with weak keys: so both die together, and then the guard looks into
 * the metatable. All is as in Lua: one guard for each object, in the order of
 * setmetatable, and weak tables treat an object that its guard brings back as
 * one that Lua does. */

/* Keys in the registry: the coroutine of finalizers (they never nest: Lua
 * collects nothing while one runs), the guards by their objects, and the
 * metatable of guards. */
static const char finalizers, guards, guard_type;

static lua_State *finalizer_coroutine(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &finalizers);
  lua_State *co = lua_tothread(L, -1);
  lua_pop(L, 1); /* the registry keeps it */
  return co;
}

static void say_failed(lua_State *L, const char *text) {
  const struct generation *generation = generation_of(L);
  log_error("gen=%u handler=__gc %s", generation->number,
            text ? text : "an error that is no text");
  if (generation->live)
    generation->host->stats->handler_errors++;
}

/* (finalizer, object), in the coroutine of finalizers. Protected in it, since
 * Lua leaves hooks off for good in one that an error of a hook has ended. */
static int run_finalizer(lua_State *L) {
  if (lua_pcall(L, 1, 0, 0) != LUA_OK)
    say_failed(L, lua_tostring(L, -1));
  return 0;
}

/* (guard): replaces it by its object and the finalizer of that, which is on
 * top then. False if it has none any more. The object may live on and be given
 * a finalizer, and so a guard, again. */
static bool open_guard(lua_State *L) {
  lua_settop(L, 1);
  lua_getiuservalue(L, 1, 1);
  lua_replace(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &guards);
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  lua_rawset(L, 2);
  lua_settop(L, 1);
  if (!lua_getmetatable(L, 1))
    return false;
  lua_pushliteral(L, "__gc");
  lua_rawget(L, 2);
  lua_remove(L, 2);
  /* `true` says that a function may come later. */
  return !lua_isnil(L, 2) && !lua_isboolean(L, 2);
}

/* (guard) */
static int guarded_finalizer(lua_State *L) {
  struct generation *generation = generation_of(L);
  struct budget *budget = &generation->budget;
  lua_State *co = finalizer_coroutine(L);
  bool alone = budget->end_ns == 0; /* a collection between two calls */
  int nresults;
  if (!co || !open_guard(L))
    return 0;
  if (alone)
    budget_start(budget, (uint64_t)generation->host->config->script_burst_ms);
  lua_insert(L, 1);
  lua_pushcfunction(co, run_finalizer);
  lua_xmove(L, co, 2);
  if (lua_resume(co, L, 2, &nresults) != LUA_OK)
    lua_resetthread(co); /* no memory to begin with */
  if (alone)
    budget_stop(budget);
  return 0;
}

/* Gives the object at index 1 a guard, if it has none. */
static void add_guard(lua_State *L) {
  int top = lua_gettop(L), guard = top + 2;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &guards);
  lua_pushvalue(L, 1);
  if (lua_rawget(L, top + 1) == LUA_TNIL) {
    lua_newuserdatauv(L, 0, 1);
    lua_replace(L, guard);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, guard, 1);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, guard);
    lua_rawset(L, top + 1);
    /* Last, as nothing raises any more: one that is not in the table would
     * die, and take its object for dead. */
    lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_type);
    lua_setmetatable(L, guard);
  }
  lua_settop(L, top);
}

/* (value, metatable, "__gc", what that is in it): Lua does not get to see it
 * while it looks. Nothing here raises, as its place in the table stays. */
static void set_without_finalizer(lua_State *L) {
  lua_pushvalue(L, 3);
  lua_pushnil(L);
  lua_rawset(L, 2);
  lua_pushvalue(L, 2);
  lua_setmetatable(L, 1);
  lua_rawset(L, 2);
}

/* (value, metatable or nil) → value */
static int set_metatable(lua_State *L) {
  lua_settop(L, 2);
  lua_pushliteral(L, "__gc");
  lua_pushvalue(L, 3);
  if (lua_isnil(L, 2) || lua_rawget(L, 2) == LUA_TNIL) {
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
  }
  if (lua_type(L, 1) == LUA_TUSERDATA)
    luaL_error(L, "a userdata cannot be given a finalizer (__gc)");
  if (lua_istable(L, 1))
    add_guard(L);
  set_without_finalizer(L);
  lua_settop(L, 1);
  return 1;
}

static void check_metatable(lua_State *L) {
  int type = lua_type(L, 2);
  luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2,
                   "nil or table");
}

static int guarded_setmetatable(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  check_metatable(L);
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
    return luaL_error(L, "cannot change a protected metatable");
  return set_metatable(L);
}

/* The one of debug, for any value. */
static int guarded_debug_setmetatable(lua_State *L) {
  check_metatable(L);
  return set_metatable(L);
}

static int refuse_hook(lua_State *L) {
  return luaL_error(L, "debug.sethook would take away the hook that ends what "
                       "computes for too long");
}

/* Replaces the field of the table on top; the old value is upvalue 1. */
static void replace(lua_State *L, const char *name, lua_CFunction guarded) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, guarded, 1);
  lua_setfield(L, -2, name);
}

static void open_finalizers(lua_State *L) {
  budget_watch(lua_newthread(L));
  lua_rawsetp(L, LUA_REGISTRYINDEX, &finalizers);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &guards);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, guarded_finalizer);
  lua_setfield(L, -2, "__gc");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &guard_type);
}

void budget_guard(lua_State *L) {
  open_finalizers(L);
  lua_pushglobaltable(L);
  replace(L, "xpcall", guarded_xpcall);
  replace(L, "setmetatable", guarded_setmetatable);
  lua_getfield(L, -1, "debug");
  replace(L, "setmetatable", guarded_debug_setmetatable);
  replace(L, "sethook", refuse_hook);
  lua_pop(L, 1);
  lua_getfield(L, -1, "coroutine");
  replace(L, "close", guarded_close);
  replace(L, "wrap", wrap);
  lua_pop(L, 2);
}

/* --- the clock ---------------------------------------------------------- */

void budget_start(struct budget *budget, uint64_t ms) {
  budget->end_ns = uv_hrtime() + ms * 1000000;
  budget->spent = false;
  budget->why = "computed for too long without waiting";
}

void budget_expire(struct budget *budget, lua_State *L, const char *why) {
  budget->end_ns = 1; /* long ago */
  budget->why = why;
  lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
}

bool budget_stop(struct budget *budget) {
  budget->end_ns = 0;
  return budget->spent;
}
