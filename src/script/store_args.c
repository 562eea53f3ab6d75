/* SPDX-License-Identifier: MIT
 * What scripts give to the store and get from it. */
#include "script/store_args.h"

#include "script/generation.h"
#include "script/json_mark.h"
#include "script/pack.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>

static const double TTL_MAX_S = 1e9; /* some thirty years */

struct buf *store_args_scratch(lua_State *L) {
  struct buf *scratch = &generation_of(L)->scratch;
  buf_reset(scratch, GENERATION_SCRATCH_KEEP);
  return scratch;
}

/* --- arguments ---------------------------------------------------------- */

struct store_key store_args_key(lua_State *L) {
  struct store_key key;
  luaL_checktype(L, 1, LUA_TSTRING);
  key.bytes = lua_tolstring(L, 1, &key.len);
  luaL_argcheck(L, key.len >= 1 && key.len <= STORE_KEY_BYTES, 1,
                "a key has 1 to 256 bytes");
  return key;
}

uint64_t store_args_ttl(lua_State *L, int index) {
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

struct store_value store_args_value(lua_State *L, int index) {
  struct store_value value;
  struct pack_from from = {L, index, "value", STORE_VALUE_BYTES,
                           &generation_of(L)->budget};
  if (to_number(L, index, &value))
    return value;
  struct buf *scratch = store_args_scratch(L);
  pack_write(&from, L, scratch);
  value.kind = STORE_BYTES;
  value.bytes = scratch->data;
  value.len = scratch->len;
  return value;
}

struct store_value store_args_by(lua_State *L, int index) {
  struct store_value by = {.kind = STORE_INTEGER, .integer = 1};
  if (!lua_isnoneornil(L, index) && !to_number(L, index, &by))
    luaL_checktype(L, index, LUA_TNUMBER); /* raises */
  return by;
}

/* --- results ------------------------------------------------------------ */

int store_args_push(lua_State *L, const struct store_value *value) {
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

int store_args_push_sum(lua_State *L, struct store_key key,
                        enum store_verdict verdict,
                        const struct store_value *sum) {
  switch (verdict) {
  case STORE_NOT_A_NUMBER:
    return luaL_error(L, "the value of '%s' is not a number", key.bytes);
  case STORE_OVERFLOW:
    return luaL_error(L, "the number of '%s' would be out of range", key.bytes);
  default:
    return store_args_push(L, sum);
  }
}

/* --- update ------------------------------------------------------------- */

bool store_args_compute(lua_State *L) {
  lua_pushvalue(L, 2);
  lua_insert(L, 4);
  lua_call(L, 1, LUA_MULTRET);
  if (lua_isnone(L, 4))
    luaL_error(L, "store.update: the function returned nothing; return the new "
                  "value, or nil to delete the key");
  return !lua_isnil(L, 4) || lua_isnoneornil(L, 5);
}

int store_args_raced(lua_State *L, struct store_key key) {
  return luaL_error(L,
                    "store.update: '%s' has changed %d times while the "
                    "function ran; does it write to the key itself?",
                    key.bytes, STORE_UPDATE_TRIES);
}

/* --- keys --------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b) {
  const struct store_key *x = a, *y = b;
  int order = memcmp(x->bytes, y->bytes, x->len < y->len ? x->len : y->len);
  return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* Reads and sorts them, and returns how many different ones there are. */
static size_t sort_keys(struct store_key *keys, const char *at, size_t count) {
  uint16_t len;
  size_t different = 0;
  for (size_t i = 0; i < count; i++) {
    memcpy(&len, at, sizeof len);
    keys[i] = (struct store_key){at + sizeof len, len};
    at += sizeof len + len;
  }
  qsort(keys, count, sizeof *keys, by_bytes);
  for (size_t i = 0; i < count; i++)
    if (i == 0 || by_bytes(&keys[i], &keys[different - 1]) != 0)
      keys[different++] = keys[i];
  return different;
}

int store_args_push_keys(lua_State *L, const struct buf *found, size_t count,
                         bool more) {
  lua_pushlstring(L, found->len > 0 ? found->data : "", found->len);
  struct store_key *keys = lua_newuserdatauv(L, (count + 1) * sizeof *keys, 0);
  count = sort_keys(keys, lua_tostring(L, -2), count);
  if (count > STORE_KEYS_MAX) {
    count = STORE_KEYS_MAX;
    more = true;
  }
  lua_createtable(L, (int)count, 0);
  json_mark_array(L);
  for (size_t i = 0; i < count; i++) {
    lua_pushlstring(L, keys[i].bytes, keys[i].len);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  if (!more)
    return 1;
  lua_pushboolean(L, true);
  return 2;
}
