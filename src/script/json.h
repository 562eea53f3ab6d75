/* SPDX-License-Identifier: MIT
 * JSON to Lua values and back, exactly.
 *
 *   JSON               Lua
 *   5                  5 (integer, if int64 holds it)
 *   -0                 0, as in Lua
 *   5.0, 5e3, -0.0     5.0 (float)
 *   null               json.null, the light userdata NULL
 *   [ ]                a table with the array metatable
 *   { }                a table
 *
 * The other way a table with the array metatable is an array, an empty table
 * is `{}`, keys 1 to n make an array and string keys an object. What has no
 * JSON raises, naming where: `data.items[3].when: a function cannot be sent
 * as JSON`. Metamethods are not called. */
#ifndef SCRIPT_JSON_H
#define SCRIPT_JSON_H

#include "base/buf.h"

#include <lua.h>
#include <stddef.h>

struct budget;

/* What a text may become. A few tables that hold each other many times over
 * are a text without an end: it is bounded while it is written. */
struct json_bound {
  size_t bytes;          /* of one value's text */
  struct budget *budget; /* whose time it takes; NULL: nobody looks */
};

/* Pushes the value of a text that passed json_check, or of an envelope's
 * data. Raises only for lack of memory. */
void json_decode(lua_State *L, const char *text, size_t len);

/* Appends the value at `index` (called "data" in error texts); nil is null.
 * Raises for what cannot be sent or is more than `bound`; `out` then has a part
 * of the text. Since this may raise, `out` belongs to something that outlives
 * the call. */
void json_encode(lua_State *L, int index, struct buf *out,
                 const struct json_bound *bound);

/* The same for a value that error texts call `name`. */
void json_encode_named(lua_State *L, int index, struct buf *out,
                       const struct json_bound *bound, const char *name);

/* Raises unless the string at `index` is UTF-8 and may go into JSON. */
void json_check_utf8(lua_State *L, int index);

/* Pushes the module: encode, decode, array, null. Calls json_setup. `bound`
 * is that of `encode`, and outlives the state. */
void json_open(lua_State *L, struct json_bound *bound);

#endif
