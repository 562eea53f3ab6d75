/* SPDX-License-Identifier: MIT
 * Plain data as bytes, exactly: nil, booleans, integers, floats, strings,
 * json.null, and tables of these, with any of them but nil as key. The mark
 * of json.array is kept; other metatables are neither kept nor called.
 *
 * The bytes are for this process: they hold numbers as they are in memory,
 * and whoever reads them trusts them. */
#ifndef SCRIPT_PACK_H
#define SCRIPT_PACK_H

#include "base/buf.h"

#include <lua.h>

struct budget;

/* What to pack, and where complaints go. */
struct pack_from {
  lua_State *L;
  int index;             /* absolute, of the value in L */
  const char *name;      /* of the value, in error texts */
  size_t max;            /* bytes that it may take */
  struct budget *budget; /* whose time it takes; NULL: nobody looks */
};

/* Appends the value to `out`. Raises in `raise`, which may be from->L: if it
 * is not plain data, naming the path below from->name; if it is too large; if
 * there is no memory. If `raise` is another state, nothing is ever raised in
 * from->L, whose stack is as before but for values above its top. A raise
 * leaves a part in `out`, which belongs to something that outlives the call.
 * No Lua code runs. */
void pack_write(const struct pack_from *from, lua_State *raise,
                struct buf *out);

/* Replaces the string on the top of the stack, which pack_write made, by its
 * value. Raises only for lack of memory. It is a Lua string and no buffer, as
 * making tables may run finalizers of scripts, which use buffers, too. */
void pack_read(lua_State *L);

#endif
