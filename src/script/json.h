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
 * The other way, a table with the array metatable is an array, and so is one
 * with the keys 1 to n. An empty table is `{}`, and string keys make an object.
 * A value that has no JSON raises an error, which names the place:
 * `data.items[3].when: a function cannot be sent as JSON`. Metamethods are not
 * called. */
#ifndef SCRIPT_JSON_H
#define SCRIPT_JSON_H

#include "base/buf.h"

#include <lua.h>
#include <stddef.h>

struct budget;
struct json_look;

/* What a text may become. A few tables that hold each other many times over
 * would be a text without an end: so it is bounded while it is written. */
struct json_bound {
  size_t bytes;          /* of one value's text */
  struct budget *budget; /* whose time it takes; NULL: nobody looks */
};

/* Pushes the value of a text, which has passed json_check or is the data of an
 * envelope. Raises only for lack of memory. */
void json_decode(lua_State *L, const char *text, size_t len);

/* The same for a text that has passed json_look_over with this result, so that
 * its tables are made in their sizes. */
void json_decode_sized(lua_State *L, const char *text, size_t len,
                       const struct json_look *look);

/* Appends the value at `index`, which error texts call "data"; nil is null.
 * Raises for a value that cannot be sent, or that is more than `bound`. A part
 * of the text is in `out` then, which must belong to something that outlives
 * the call. */
void json_encode(lua_State *L, int index, struct buf *out,
                 const struct json_bound *bound);

/* The same for a value that error texts call `name`. */
void json_encode_named(lua_State *L, int index, struct buf *out,
                       const struct json_bound *bound, const char *name);

/* Raises unless the string at `index` is UTF-8 and may go into JSON. */
void json_check_utf8(lua_State *L, int index);

/* Pushes the module: encode, decode, array, null. Calls json_setup. `bound` is
 * for `encode` (and its clock for `decode`), and must outlive the state. */
void json_open(lua_State *L, struct json_bound *bound);

#endif
