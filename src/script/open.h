/* SPDX-License-Identifier: MIT
 * The libraries of a Lua state of scripts: the standard ones, guarded, and
 * ours. They know the generation they are in; it does not know them. */
#ifndef SCRIPT_OPEN_H
#define SCRIPT_OPEN_H

#include <lua.h>

/* For host->open_libraries: opens all of them in a new state. */
void open_libraries(lua_State *L);

#endif
