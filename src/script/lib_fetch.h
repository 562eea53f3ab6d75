/* SPDX-License-Identifier: MIT
 * HTTP requests of scripts: perigee.fetch. */
#ifndef SCRIPT_LIB_FETCH_H
#define SCRIPT_LIB_FETCH_H

#include <lua.h>

/* Adds the function to the table on top of the stack. */
void lib_fetch_open(lua_State *L);

#endif
