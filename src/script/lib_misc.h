/* SPDX-License-Identifier: MIT
 * The rest of the library: log, print, jwt, json, now, and facts (config,
 * generation, worker). */
#ifndef SCRIPT_LIB_MISC_H
#define SCRIPT_LIB_MISC_H

#include <lua.h>

/* Adds the functions and sub-tables to the table on top of the stack. */
void lib_misc_open(lua_State *L);

#endif
