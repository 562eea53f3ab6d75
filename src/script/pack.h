/* SPDX-License-Identifier: MIT
 * Plain data as bytes, exactly. Plain data are nil, booleans, integers, floats,
 * strings, json.null, and tables of these, in which anything but nil may be a
 * key. The mark of json.array is kept. Other metatables are neither kept nor
 * called.
 *
 * Numbers stand in the bytes as they are in memory, and pack_read trusts them:
 * those that come from elsewhere are looked at first (pack_is_valid). */
#ifndef SCRIPT_PACK_H
#define SCRIPT_PACK_H

#include "base/buf.h"

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct budget;

/* What to pack, and under which bounds. */
struct pack_from {
  lua_State *L;
  int index;             /* absolute, of the value in L */
  const char *name;      /* of the value, in error texts */
  size_t max;            /* bytes that it may take */
  struct budget *budget; /* whose time it takes; NULL: nobody looks */
};

/* Appends the value to `out`. No Lua code runs.
 *
 * Errors are raised in `raise`, which may be from->L: the value is not plain
 * data (the error names the path to it, below from->name), it is too large, or
 * there is no memory. If `raise` is another state, nothing is ever raised in
 * from->L, and its stack is as before, but for values above its top. An error
 * leaves a part of the value in `out`, which must belong to something that
 * outlives the call. */
void pack_write(const struct pack_from *from, lua_State *raise,
                struct buf *out);

/* Replaces the string on the top of the stack, whose bytes pack_write made, by
 * the value. Raises only for lack of memory. The bytes stand in a Lua string
 * and not in a buffer, because making tables may run finalizers of scripts, and
 * these use the same buffers. */
void pack_read(lua_State *L);

/* Whether these bytes are one value, so that pack_read can read it. */
MUST_CHECK bool pack_is_valid(const char *bytes, size_t len);

#endif
