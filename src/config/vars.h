/* SPDX-License-Identifier: MIT
 * A Lua value of a configuration file, written as JSON. */
#ifndef CONFIG_VARS_H
#define CONFIG_VARS_H

#include "base/buf.h"

#include <lua.h>

/* Appends the value at the top of the stack: a string, number or boolean, or a
 * table of these. A table with the keys 1…n becomes an array; an empty table
 * becomes an object. Raises an error when something has no JSON form. */
void vars_write(lua_State *L, struct buf *out);

#endif
