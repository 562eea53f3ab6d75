/* SPDX-License-Identifier: MIT
 * The standard library of scripts under a budget.
 *
 * No hook runs in a C function. Most are quick; those that are not for a large
 * string or table, or for a large number, look at the clock: before they begin,
 * and at each piece where the work can be cut. string.rep("", 1 << 62) and a
 * plain string.find have no bad case here. What is left is a pattern that goes
 * back and forth, and what Lua does between two instructions for a very long
 * string: server/watchdog says which handler that was. */
#ifndef SCRIPT_LIBRARY_H
#define SCRIPT_LIBRARY_H

#include <lua.h>

/* Replaces functions of the basic library, string, utf8 and table. */
void library_guard(lua_State *L);

/* Its part of table; that table is on top. */
void library_guard_table(lua_State *L);

#endif
