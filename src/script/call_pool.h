/* SPDX-License-Identifier: MIT
 * Calls that are kept, with their coroutines, for the next ones. */
#ifndef SCRIPT_CALL_POOL_H
#define SCRIPT_CALL_POOL_H

#include "script/call_state.h"

/* An idle call with an empty coroutine; NULL: Lua has no memory for one. Its
 * `task.run` is for the caller to set. */
struct call *call_pool_take(struct generation *generation);

/* Keeps a call that has ended, if its coroutine is reusable, or frees it. */
void call_pool_put(struct call *call, bool reusable);

#endif
