/* SPDX-License-Identifier: MIT
 * The store for scripts, shared with other machines: its functions wait. */
#ifndef SCRIPT_FAR_STORE_H
#define SCRIPT_FAR_STORE_H

#include <lua.h>

/* Pushes a table with the functions of lib_store. */
void far_store_push(lua_State *L);

#endif
