/* SPDX-License-Identifier: MIT
 * A Lua value of a configuration file, written as JSON. */
#ifndef CONFIG_VARS_H
#define CONFIG_VARS_H

#include "base/buf.h"

#include <lua.h>

/* Appends the value at the top of the stack: strings, numbers, booleans, and
 * tables of these. A table with the keys 1…n becomes an array, an empty one an
 * object. Raises when something in it has no JSON form. */
void vars_write(lua_State *L, struct buf *out);

#endif
