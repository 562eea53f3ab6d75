/* SPDX-License-Identifier: MIT
 * Coroutines and protected calls under a budget.
 *
 * Lua switches hooks off in the message handler of an xpcall whose function the
 * hook has ended, and for good in a coroutine that it has ended: neither the
 * handler is called then, nor is anything in such a coroutine closed.
 *
 * The hook counts instructions of each coroutine by itself. A coroutine that
 * makes two, which make two, has few: who resumes one looks at the clock.
 *
 * Lua counts how deep the C stack is, and a coroutine that is closed forgets
 * that (since 5.4.5 in each case, before in coroutine.close): what is closed
 * and closes others would end the process. So closing looks at the C stack
 * itself, and raises "C stack overflow" as Lua does. */
#ifndef SCRIPT_COROUTINES_H
#define SCRIPT_COROUTINES_H

#include <lua.h>

/* Replaces xpcall, coroutine.close, resume and wrap; debug.sethook raises. */
void coroutines_guard(lua_State *L);

#endif
