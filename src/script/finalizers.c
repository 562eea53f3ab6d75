/* SPDX-License-Identifier: MIT
 * Finalizers under a budget.
 *
 * The problem: `setmetatable(object, { __gc = f })` has Lua call f when the
 * object dies, with hooks off. An f that computes for ever would hold the
 * worker, and no budget would end it.
 *
 * To put a function of ours into the metatable in the place of f does not
 * help. Lua looks the finalizer up only when the object dies, and a script may
 * assign `mt.__gc` once more in between. So Lua must not know that the object
 * has a finalizer: it sees the metatable without its __gc for the moment in
 * which it looks whether there is one (set_without_finalizer).
 *
 * Instead the object has a guard, a userdata of ours with a __gc in C:
 *
 *   guards: { [object] = guard }     a table with weak keys
 *   guard:  user value 1 = object
 *
 * The guard holds its object, and is held by nothing but the entry of that
 * object. With weak keys an entry counts only as long as its key is reachable
 * in another way than through its value. So when the script drops the object,
 * both die in the same collection. Then Lua calls the __gc of the guard, which
 * takes the object out of its user value, looks into its metatable for the __gc
 * of that moment, and runs that in the coroutine of finalizers, under a budget:
 * what is left of the call that runs, or one of its own, if the collection came
 * between two calls.
 *
 * All else is as in Lua. There is one guard for each object, made when Lua
 * would have noted its finalizer: so they are called in the same order. An
 * object that its finalizer stores somewhere lives on, without a guard, until
 * it gets a metatable again. Weak tables treat it as they treat any object that
 * a finalizer has brought back.
 *
 * What this does not do: a userdata of a C library keeps its own finalizer,
 * and cannot get one from a script. */
#include "script/finalizers.h"

#include "base/log.h"
#include "config/config.h"
#include "script/generation.h"
#include "script/guard.h"

#include <lauxlib.h>
#include <stdio.h>
#include <uv.h>

/* Keys in the registry: the coroutine of finalizers (they never nest: Lua
 * collects nothing while one runs), the guards by their objects, and the
 * metatable of guards. */
static const char finalizers, guards, guard_type;

/* So many lines about finalizers that failed in a second. */
enum { SAID_MAX = 5, SECOND_NS = 1000000000 };

static lua_State *finalizer_coroutine(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &finalizers);
  lua_State *co = lua_tothread(L, -1);
  lua_pop(L, 1); /* the registry keeps it */
  return co;
}

static void say_finalizer_failed(lua_State *L, const char *text) {
  struct generation *generation = generation_of(L);
  uint64_t now = uv_hrtime();
  char unsaid[32] = "";
  if (generation->live)
    generation->host->stats->handler_errors++;
  if (now - generation->finalizers_since_ns >= SECOND_NS) {
    generation->finalizers_since_ns = now;
    generation->finalizers_said = 0;
  }
  if (generation->finalizers_said == SAID_MAX) {
    generation->finalizers_unsaid++;
    return;
  }
  generation->finalizers_said++;
  if (generation->finalizers_unsaid)
    snprintf(unsaid, sizeof unsaid, "unsaid=%u ",
             generation->finalizers_unsaid);
  log_error("gen=%u handler=__gc %s%s", generation->number, unsaid,
            text ? text : "an error that is no text");
  generation->finalizers_unsaid = 0;
}

/* (finalizer, object), in the coroutine of finalizers. Protected in it, since
 * Lua leaves hooks off for good in one that an error of a hook has ended. */
static int run_finalizer(lua_State *L) {
  if (lua_pcall(L, 1, 0, 0) != LUA_OK)
    say_finalizer_failed(L, lua_tostring(L, -1));
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
    budget_start(budget, (uint64_t)generation->config->script_burst_ms);
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

void finalizers_guard(lua_State *L) {
  open_finalizers(L);
  lua_pushglobaltable(L);
  guard_replace(L, "setmetatable", guarded_setmetatable);
  lua_getfield(L, -1, "debug");
  guard_replace(L, "setmetatable", guarded_debug_setmetatable);
  lua_pop(L, 2);
}
