/* SPDX-License-Identifier: MIT
 * Coroutines and protected calls under a budget.
 *
 * Lua switches hooks off in two places: in the message handler of an xpcall
 * whose function the hook has ended, and for good in a coroutine that the hook
 * has ended. So such a handler is not called, and nothing is closed in such a
 * coroutine.
 *
 * The hook counts the instructions of each coroutine by itself. A coroutine
 * that makes two others, each of which makes two, needs few of its own. So
 * whoever resumes a coroutine looks at the clock.
 *
 * Lua counts how deep the C stack is, but a coroutine that is closed forgets
 * its count (since Lua 5.4.5 always, before that in coroutine.close).
 * Coroutines that close each other would overflow the stack, and end the
 * process. So closing looks at the C stack itself, and raises "C stack
 * overflow" as Lua does. */
#ifndef SCRIPT_COROUTINES_H
#define SCRIPT_COROUTINES_H

#include <lua.h>

/* Replaces xpcall, coroutine.close, resume and wrap; debug.sethook raises. */
void coroutines_guard(lua_State *L);

#endif
