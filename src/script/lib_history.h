/* SPDX-License-Identifier: MIT
 * Histories of rooms for scripts: history, forget. */
#ifndef SCRIPT_LIB_HISTORY_H
#define SCRIPT_LIB_HISTORY_H

#include <lua.h>

/* Adds the functions to the table on top of the stack. */
void lib_history_open(lua_State *L);

#endif
