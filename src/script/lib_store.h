/* SPDX-License-Identifier: MIT
 * The shared store for scripts: store.get, set, add, incr, update,
 * delete, keys. */
#ifndef SCRIPT_LIB_STORE_H
#define SCRIPT_LIB_STORE_H

#include <lua.h>

/* Adds the table `store` to the table on top of the stack. Its functions use
 * host->store, also while scripts are being loaded. */
void lib_store_open(lua_State *L);

#endif
