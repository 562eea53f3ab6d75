/* SPDX-License-Identifier: MIT
 * The pool of calls. Once it is warm a call costs no allocation. */
#include "script/call_pool.h"

#include "base/mem.h"
#include "script/generation.h"

#include <lauxlib.h>

/* Coroutines that are kept for the next calls. */
enum { IDLE_MAX = 256 };

_Static_assert(offsetof(struct call, node) == 0,
               "generation_free frees idle calls by their nodes");

/* Gives the call a coroutine; raises without memory. */
static int make_coroutine(lua_State *L) {
  struct call *call = lua_touserdata(L, 1);
  call->L = lua_newthread(L);
  budget_watch(call->L);
  call->ref = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

struct call *call_pool_take(struct generation *generation) {
  struct list *node = list_shift(&generation->idle);
  if (node) {
    generation->idle_count--;
    return container_of(node, struct call, node);
  }
  struct call *call = mem_alloc(sizeof *call);
  call->generation = generation;
  list_init(&call->node);
  list_init(&call->conn_node);
  list_init(&call->task.node);
  lua_State *L = generation->L;
  lua_pushcfunction(L, make_coroutine);
  lua_pushlightuserdata(L, call);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK)
    return call;
  lua_pop(L, 1);
  mem_free(call);
  return NULL;
}

void call_pool_put(struct call *call, bool reusable) {
  struct generation *generation = call->generation;
  call_set_state(call, CALL_IDLE);
  if (reusable && generation->idle_count < IDLE_MAX) {
    lua_settop(call->L, 0);
    list_push(generation->idle.next, &call->node); /* first: it is warm */
    generation->idle_count++;
    return;
  }
  luaL_unref(generation->L, LUA_REGISTRYINDEX, call->ref);
  mem_free(call);
}
