/* SPDX-License-Identifier: MIT
 * Finalizers under a budget.
 *
 * Lua runs a finalizer (__gc) where no hook runs. Those of scripts run in a
 * coroutine of their own instead, also one that is put into a metatable later.
 * What they raise is logged, a few lines a second at most: with thousands of
 * objects they may all raise, as they do when a call has run out of time. */
#ifndef SCRIPT_FINALIZERS_H
#define SCRIPT_FINALIZERS_H

#include <lua.h>

/* Replaces setmetatable. That of debug gives no finalizer to a userdata. */
void finalizers_guard(lua_State *L);

#endif
