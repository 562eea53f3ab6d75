/* SPDX-License-Identifier: MIT
 * What scripts give to the store and get from it, wherever that keeps it.
 *
 * Numbers are stored as numbers, so that incr can count; all else is packed
 * (script/pack). What comes out of the store is made a Lua string before
 * anything else is made of it: that may run finalizers, and those may use the
 * store. */
#ifndef SCRIPT_STORE_ARGS_H
#define SCRIPT_STORE_ARGS_H

#include "engine/store.h"

#include <lua.h>

/* What keys() may return. */
enum { STORE_KEYS_MAX = 10000 };

/* So often update() may find that others were first. Somebody has written each
 * time, so that the store as a whole goes on; a function that writes to the key
 * itself is found by this. */
enum { STORE_UPDATE_TRIES = 10000 };

/* The scratch buffer of the generation, empty. */
struct buf *store_args_scratch(lua_State *L);

/* The key is argument 1; raises if it is none. No number becomes a key: 5 and
 * 5.0 would be different ones. */
struct store_key store_args_key(lua_State *L);

/* In milliseconds; 0 if there is none. */
uint64_t store_args_ttl(lua_State *L, int index);

/* Any value but nil; raises if it is no plain data, or too large. Its bytes are
 * in the scratch buffer. */
struct store_value store_args_value(lua_State *L, int index);

/* The number at `index`; 1 if there is none. Raises for all else. */
struct store_value store_args_by(lua_State *L, int index);

/* Pushes the value, whose bytes were made by store_args_value. */
int store_args_push(lua_State *L, const struct store_value *value);

/* Pushes the sum, or raises what the verdict says about the key. */
int store_args_push_sum(lua_State *L, struct store_key key,
                        enum store_verdict verdict,
                        const struct store_value *sum);

/* The stack holds key, function, ttl, and the value that is there now (nil:
 * none). Calls the function, which cannot wait, with that value; from slot 4 on
 * stands what it has returned. False: this is nil, code, text, and nothing is
 * to change. */
bool store_args_compute(lua_State *L);

/* update() gives up. */
int store_args_raced(lua_State *L, struct store_key key);

/* Pushes an array of `count` keys, each of which is its length, a uint16_t, and
 * its bytes: in order, each once, and STORE_KEYS_MAX at most. Then true, if
 * there are or may be `more`. Returns how many values that are. */
int store_args_push_keys(lua_State *L, const struct buf *found, size_t count,
                         bool more);

#endif
