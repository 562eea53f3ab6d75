/* SPDX-License-Identifier: MIT
 * The time of scripts: sleep, after, every, spawn.
 *
 * A timer belongs to its generation. When that is replaced, `after` and `every`
 * end, but what `spawn` has promised still runs. */
#ifndef SCRIPT_LIB_TIME_H
#define SCRIPT_LIB_TIME_H

#include <lua.h>

struct generation;

/* How many timers and spawned functions of a generation may be pending. */
enum { LIB_TIME_PENDING_MAX = 10000 };

/* Adds the functions to the table on top. */
void lib_time_open(lua_State *L);

/* The generation is replaced: ends its `after` and `every`. */
void lib_time_retire(struct generation *generation);

/* The worker ends: ends all timers of the generation. */
void lib_time_close(struct generation *generation);

#endif
