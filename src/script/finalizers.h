/* SPDX-License-Identifier: MIT
 * Finalizers under a budget.
 *
 * Lua runs a finalizer (__gc) with hooks off. Those of scripts run in a
 * coroutine of their own instead, which has one; also those that a script puts
 * into a metatable later. What they raise is logged, in a few lines a second at
 * most: thousands of objects may all raise, as they do when a call has run out
 * of time. */
#ifndef SCRIPT_FINALIZERS_H
#define SCRIPT_FINALIZERS_H

#include <lua.h>

/* Replaces setmetatable and debug.setmetatable. The latter gives no finalizer
 * to a userdata. */
void finalizers_guard(lua_State *L);

#endif
