/* SPDX-License-Identifier: MIT
 * The modules of lua/perigee, which are inside the program. */
#ifndef SCRIPT_MODULES_H
#define SCRIPT_MODULES_H

#include <lua.h>

/* Lets `require` find them, right after package.preload. */
void modules_add_searcher(lua_State *L);

#endif
