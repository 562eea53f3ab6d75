/* SPDX-License-Identifier: MIT
 * perigee.emit: events of scripts for the backend. */
#ifndef SCRIPT_LIB_EMIT_H
#define SCRIPT_LIB_EMIT_H

#include <lua.h>

/* Adds the function to the table on top of the stack. */
void lib_emit_open(lua_State *L);

#endif
