/* SPDX-License-Identifier: MIT
 * Copies plain data from one Lua state to another: nil, booleans, numbers,
 * strings, json.null, and tables of these, with any of them but nil as key. */
#ifndef SCRIPT_TRANSFER_H
#define SCRIPT_TRANSFER_H

#include <lua.h>

/* Pushes onto `to` a copy of the value on top of `from`, which stays. Raises
 * in `to`, naming the path below `name`, if it is not plain data; never in
 * `from`, whose stack is then unchanged but for values above the top. */
void transfer_copy(lua_State *from, lua_State *to, const char *name);

#endif
