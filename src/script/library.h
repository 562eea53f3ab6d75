/* SPDX-License-Identifier: MIT
 * The standard library of scripts under a budget.
 *
 * No hook runs in a C function. Most of them are quick. Those that take long
 * for a large string, a large table or a large number look at the clock here:
 * before they begin, and after each piece, if the work can be cut into pieces.
 * string.rep("", 1 << 62) and a plain string.find are done in another way,
 * which has no bad case. Two things are left: a pattern that goes back and
 * forth, and what Lua does between two instructions for a very long string. For
 * these server/watchdog says which handler it was. */
#ifndef SCRIPT_LIBRARY_H
#define SCRIPT_LIBRARY_H

#include <lua.h>

/* Replaces functions of the basic library, string, utf8 and table. */
void library_guard(lua_State *L);

/* For library_guard: replaces functions of the library table, which is on top.
 */
void library_guard_table(lua_State *L);

#endif
