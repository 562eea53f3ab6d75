/* SPDX-License-Identifier: MIT
 * The shared store for scripts.
 *
 * Numbers are stored as numbers, so that incr can count; all else is packed.
 * Bytes on their way are in the scratch buffer of the generation. What comes
 * out of the store is made a Lua string before anything else is made of it:
 * that may run finalizers, and those may use the store. */
#include "script/lib_store.h"

#include "engine/store.h"
#include "script/generation.h"
#include "script/json_mark.h"
#include "script/pack.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <uv.h>

/* What keys() may return, and what it may look at for that. No hook ends it,
 * and all workers wait for the store meanwhile: to look at a key takes 20 ns,
 * or 450 when it is in no cache. */
enum { KEYS_MAX = 10000, KEYS_LOOKS = 100000 };

static const double TTL_MAX_S = 1e9; /* some thirty years */

static struct store *store_of(lua_State *L) {
  return generation_of(L)->host->store;
}

static struct buf *empty_scratch(lua_State *L) {
  struct buf *scratch = &generation_of(L)->scratch;
  buf_reset(scratch, GENERATION_SCRATCH_KEEP);
  return scratch;
}

static uint64_t store_clock_ms(void) {
  return uv_hrtime() / 1000000;
}

/* --- arguments and results ---------------------------------------------- */

/* No number becomes a key: 5 and 5.0 would be different ones. */
static struct store_key check_key(lua_State *L) {
  struct store_key key;
  luaL_checktype(L, 1, LUA_TSTRING);
  key.bytes = lua_tolstring(L, 1, &key.len);
  luaL_argcheck(L, key.len >= 1 && key.len <= STORE_KEY_BYTES, 1,
                "a key has 1 to 256 bytes");
  return key;
}

/* In milliseconds; 0 if there is none. */
static uint64_t check_ttl(lua_State *L, int index) {
  if (lua_isnoneornil(L, index))
    return 0;
  lua_Number seconds = luaL_checknumber(L, index);
  luaL_argcheck(L, seconds > 0 && seconds <= TTL_MAX_S, index,
                "a ttl is more than 0 and at most 1e9 seconds");
  return (uint64_t)ceil(seconds * 1000);
}

/* False if the value is no number. */
static bool to_number(lua_State *L, int index, struct store_value *value) {
  *value = (struct store_value){.kind = STORE_INTEGER};
  if (lua_type(L, index) != LUA_TNUMBER)
    return false;
  if (lua_isinteger(L, index)) {
    value->integer = lua_tointeger(L, index);
  } else {
    value->kind = STORE_FLOAT;
    value->number = lua_tonumber(L, index);
  }
  return true;
}

/* The bytes are in the scratch buffer. */
static struct store_value check_stored_value(lua_State *L, int index) {
  struct store_value value;
  struct pack_from from = {L, index, "value", STORE_VALUE_BYTES,
                           &generation_of(L)->budget};
  if (to_number(L, index, &value))
    return value;
  struct buf *scratch = empty_scratch(L);
  pack_write(&from, L, scratch);
  value.kind = STORE_BYTES;
  value.bytes = scratch->data;
  value.len = scratch->len;
  return value;
}

static int push_stored_value(lua_State *L, const struct store_value *value) {
  switch (value->kind) {
  case STORE_INTEGER:
    lua_pushinteger(L, value->integer);
    break;
  case STORE_FLOAT:
    lua_pushnumber(L, value->number);
    break;
  case STORE_BYTES:
    lua_pushlstring(L, value->bytes, value->len);
    pack_read(L);
    break;
  }
  return 1;
}

/* --- the functions ------------------------------------------------------ */

/* (key) */
static int get_stored(lua_State *L) {
  struct store_key key = check_key(L);
  struct store_value value;
  if (store_get(store_of(L), key, store_clock_ms(), &value, empty_scratch(L)))
    return push_stored_value(L, &value);
  lua_pushnil(L);
  return 1;
}

/* (key) */
static int delete_stored(lua_State *L) {
  struct store_key key = check_key(L);
  lua_pushboolean(L, store_delete(store_of(L), key, store_clock_ms()));
  return 1;
}

/* (key, value, ttl?) */
static int set_stored(lua_State *L) {
  struct store_key key = check_key(L);
  uint64_t ttl_ms = check_ttl(L, 3);
  luaL_checkany(L, 2);
  if (lua_isnil(L, 2)) {
    store_delete(store_of(L), key, store_clock_ms());
    return 0;
  }
  struct store_value value = check_stored_value(L, 2);
  store_set(store_of(L), key, &value, store_clock_ms(), ttl_ms);
  return 0;
}

/* (key, value, ttl?) */
static int add_stored(lua_State *L) {
  struct store_key key = check_key(L);
  uint64_t ttl_ms = check_ttl(L, 3);
  luaL_argcheck(L, !lua_isnoneornil(L, 2), 2, "a value expected, got nil");
  struct store_value value = check_stored_value(L, 2);
  lua_pushboolean(
      L, store_add(store_of(L), key, &value, store_clock_ms(), ttl_ms));
  return 1;
}

/* (key, by?, ttl?) */
static int incr_stored(lua_State *L) {
  struct store_key key = check_key(L);
  uint64_t ttl_ms = check_ttl(L, 3);
  struct store_value by = {.kind = STORE_INTEGER, .integer = 1}, sum;
  if (!lua_isnoneornil(L, 2) && !to_number(L, 2, &by))
    luaL_checktype(L, 2, LUA_TNUMBER); /* raises */
  switch (store_incr(store_of(L), key, &by, store_clock_ms(), ttl_ms, &sum)) {
  case STORE_NOT_A_NUMBER:
    return luaL_error(L, "the value of '%s' is not a number", key.bytes);
  case STORE_OVERFLOW:
    return luaL_error(L, "the number of '%s' would be out of range", key.bytes);
  default:
    return push_stored_value(L, &sum);
  }
}

/* --- update ------------------------------------------------------------- */

/* So often may others have been first. Somebody has written each time, so that
 * the store as a whole goes on; a function that writes to the key itself is
 * found by this. */
enum { UPDATE_TRIES = 10000 };

/* Pushes what the key holds, or nil. Returns its version, 0 for none. */
static uint64_t push_current(lua_State *L, struct store_key key) {
  struct store_value value = {0};
  if (store_get(store_of(L), key, store_clock_ms(), &value, empty_scratch(L)))
    push_stored_value(L, &value);
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
    value = check_stored_value(L, 4);
  return store_swap(store_of(L), key, version, gone ? NULL : &value,
                    store_clock_ms(), ttl_ms);
}

/* (key, function, ttl?). The function computes with a copy, and nobody is kept
 * out meanwhile: what it returns is written if the key still holds what it was
 * given, else it is called again. It cannot wait, as it is called from C. */
static int update_stored(lua_State *L) {
  struct store_key key = check_key(L);
  uint64_t ttl_ms = check_ttl(L, 3);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  for (int i = 0; i < UPDATE_TRIES; i++) {
    lua_settop(L, 3);
    lua_pushvalue(L, 2);
    uint64_t version = push_current(L, key);
    lua_call(L, 1, LUA_MULTRET);
    if (lua_isnone(L, 4))
      return luaL_error(L, "store.update: the function returned nothing; "
                           "return the new value, or nil to delete the key");
    if (lua_isnil(L, 4) && !lua_isnoneornil(L, 5))
      return lua_gettop(L) - 3; /* nil, code, text: nothing changes */
    if (swap_stored(L, key, version, ttl_ms)) {
      lua_settop(L, 4);
      return 1;
    }
  }
  return luaL_error(L,
                    "store.update: '%s' has changed %d times while the "
                    "function ran; does it write to the key itself?",
                    key.bytes, UPDATE_TRIES);
}

/* --- keys --------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b) {
  const struct store_key *x = a, *y = b;
  int order = memcmp(x->bytes, y->bytes, x->len < y->len ? x->len : y->len);
  return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* Pushes an array of the keys that store_keys wrote, in order. */
static void push_keys(lua_State *L, const struct buf *found, size_t count) {
  uint16_t len;
  lua_pushlstring(L, found->data, found->len);
  const char *at = lua_tostring(L, -1);
  struct store_key *keys = lua_newuserdatauv(L, (count + 1) * sizeof *keys, 0);
  for (size_t i = 0; i < count; i++) {
    memcpy(&len, at, sizeof len);
    keys[i] = (struct store_key){at + sizeof len, len};
    at += sizeof len + len;
  }
  qsort(keys, count, sizeof *keys, by_bytes);
  lua_createtable(L, (int)count, 0);
  json_mark_array(L);
  for (size_t i = 0; i < count; i++) {
    lua_pushlstring(L, keys[i].bytes, keys[i].len);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}

/* (prefix?) */
static int list_keys(lua_State *L) {
  struct store_search search = {.looks = KEYS_LOOKS, .max = KEYS_MAX};
  bool more;
  search.prefix.bytes = luaL_optlstring(L, 1, "", &search.prefix.len);
  budget_check(&generation_of(L)->budget, L);
  struct buf *found = empty_scratch(L);
  buf_reserve(found, 1); /* so that there is data, also of nothing */
  size_t count =
      store_keys(store_of(L), &search, store_clock_ms(), found, &more);
  push_keys(L, found, count);
  if (!more)
    return 1;
  lua_pushboolean(L, true);
  return 2;
}

static const luaL_Reg functions[] = {
    {"get", get_stored},       {"set", set_stored},
    {"add", add_stored},       {"incr", incr_stored},
    {"delete", delete_stored}, {"keys", list_keys},
    {"update", update_stored}, {NULL, NULL},
};

void lib_store_open(lua_State *L) {
  luaL_newlib(L, functions);
  lua_setfield(L, -2, "store");
}
