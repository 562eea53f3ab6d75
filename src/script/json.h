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
#include <stdbool.h>
#include <stddef.h>

struct budget;

/* What a text may become. A few tables that hold each other many times over
 * are a text without an end: it is bounded while it is written. */
struct json_bound {
  size_t bytes;          /* of one value's text */
  struct budget *budget; /* whose time it takes; NULL: nobody looks */
};

/* Makes the array metatable of a Lua state, if it has none. To be called
 * before the rest. */
void json_setup(lua_State *L);

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

/* Whether the table at `index` is marked as an array: by the array metatable,
 * or by one that json_foreign_mark was told of. Allocates nothing. */
bool json_is_array(lua_State *L, int index);

/* Whether the light userdata at `index` stands for an empty array. */
bool json_is_empty_array(lua_State *L, int index);

/* (mark, only_empty): from now on a table with the metatable `mark` is an
 * array (if it is empty, should that be asked for), and the light userdata
 * `mark` an empty one. For other JSON libraries of a script. */
int json_foreign_mark(lua_State *L);

/* Gives the table at the top of the stack the array metatable. */
void json_mark_array(lua_State *L);

/* Pushes the module: encode, decode, array, null. Calls json_setup. `bound`
 * is that of `encode`, and outlives the state. */
void json_open(lua_State *L, struct json_bound *bound);

#endif
