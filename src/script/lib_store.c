/* SPDX-License-Identifier: MIT
 * The store of this process for scripts, and which store they get. */
#include "script/lib_store.h"

#include "config/config.h"
#include "engine/store.h"
#include "script/far_store.h"
#include "script/generation.h"
#include "script/store_args.h"

#include <lauxlib.h>
#include <uv.h>

/* What keys() may look at. No hook ends it, and all workers wait for the store
 * meanwhile: to look at a key takes 20 ns, or 450 when it is in no cache. */
enum { KEYS_LOOKS = 100000 };

static struct store *store_of(lua_State *L) {
  return generation_of(L)->host->store;
}

static uint64_t store_clock_ms(void) {
  return uv_hrtime() / 1000000;
}

/* (key) */
static int get_stored(lua_State *L) {
  struct store_key key = store_args_key(L);
  struct store_value value;
  if (store_get(store_of(L), key, store_clock_ms(), &value,
                store_args_scratch(L)))
    return store_args_push(L, &value);
  lua_pushnil(L);
  return 1;
}

/* (key) */
static int delete_stored(lua_State *L) {
  struct store_key key = store_args_key(L);
  lua_pushboolean(L, store_delete(store_of(L), key, store_clock_ms()));
  return 1;
}

/* (key, value, ttl?) */
static int set_stored(lua_State *L) {
  struct store_key key = store_args_key(L);
  uint64_t ttl_ms = store_args_ttl(L, 3);
  luaL_checkany(L, 2);
  if (lua_isnil(L, 2)) {
    store_delete(store_of(L), key, store_clock_ms());
  } else {
    struct store_value value = store_args_value(L, 2);
    store_set(store_of(L), key, &value, store_clock_ms(), ttl_ms);
  }
  lua_pushboolean(L, true);
  return 1;
}

/* (key, value, ttl?) */
static int add_stored(lua_State *L) {
  struct store_key key = store_args_key(L);
  uint64_t ttl_ms = store_args_ttl(L, 3);
  luaL_argcheck(L, !lua_isnoneornil(L, 2), 2, "a value expected, got nil");
  struct store_value value = store_args_value(L, 2);
  lua_pushboolean(
      L, store_add(store_of(L), key, &value, store_clock_ms(), ttl_ms));
  return 1;
}

/* (key, by?, ttl?) */
static int incr_stored(lua_State *L) {
  struct store_key key = store_args_key(L);
  uint64_t ttl_ms = store_args_ttl(L, 3);
  struct store_value by = store_args_by(L, 2), sum = {0};
  enum store_verdict verdict =
      store_incr(store_of(L), key, &by, store_clock_ms(), ttl_ms, &sum);
  return store_args_push_sum(L, key, verdict, &sum);
}

/* Pushes what the key holds, or nil. Returns its version, 0 for none. */
static uint64_t push_current(lua_State *L, struct store_key key) {
  struct store_value value = {0};
  if (store_get(store_of(L), key, store_clock_ms(), &value,
                store_args_scratch(L)))
    store_args_push(L, &value);
  else
    lua_pushnil(L);
  return value.version;
}

/* The stack holds key, function, ttl, and what the function has returned. */
static bool swap_stored(lua_State *L, struct store_key key, uint64_t version,
                        uint64_t ttl_ms) {
  struct store_value value = {0};
  bool gone = lua_isnil(L, 4);
  if (!gone)
    value = store_args_value(L, 4);
  return store_swap(store_of(L), key, version, gone ? NULL : &value,
                    store_clock_ms(), ttl_ms);
}

/* (key, function, ttl?). The function computes with a copy, and nobody is kept
 * out meanwhile: what it returns is written if the key still holds what it was
 * given, else it is called again. It cannot wait, as it is called from C. */
static int update_stored(lua_State *L) {
  struct store_key key = store_args_key(L);
  uint64_t ttl_ms = store_args_ttl(L, 3);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  for (int i = 0; i < STORE_UPDATE_TRIES; i++) {
    lua_settop(L, 3);
    uint64_t version = push_current(L, key);
    if (!store_args_compute(L))
      return lua_gettop(L) - 3; /* nil, code, text: nothing changes */
    if (swap_stored(L, key, version, ttl_ms)) {
      lua_settop(L, 4);
      return 1;
    }
  }
  return store_args_raced(L, key);
}

/* (prefix?) */
static int list_keys(lua_State *L) {
  struct store_search search = {.looks = KEYS_LOOKS, .max = STORE_KEYS_MAX};
  bool more;
  search.prefix.bytes = luaL_optlstring(L, 1, "", &search.prefix.len);
  budget_check(&generation_of(L)->budget, L);
  struct buf *found = store_args_scratch(L);
  size_t count =
      store_keys(store_of(L), &search, store_clock_ms(), found, &more);
  return store_args_push_keys(L, found, count, more);
}

static const luaL_Reg functions[] = {
    {"get", get_stored},       {"set", set_stored},
    {"add", add_stored},       {"incr", incr_stored},
    {"delete", delete_stored}, {"keys", list_keys},
    {"update", update_stored}, {NULL, NULL},
};

void lib_store_open(lua_State *L) {
  if (generation_of(L)->config->store_shared)
    far_store_push(L);
  else
    luaL_newlib(L, functions);
  lua_setfield(L, -2, "store");
}
