/* SPDX-License-Identifier: MIT
 * Calls that wait: where they can be found, and what ends their waiting. */
#ifndef SCRIPT_CALL_PARK_H
#define SCRIPT_CALL_PARK_H

#include "script/call_state.h"

/* The error of a call that has used up the timeout of its handler. */
extern const char call_out_of_time[];

/* The coroutine has yielded to its waiter: puts the call where the generation
 * and its connection find it, and has its handler's timeout watched. */
void call_park(struct call *call);

/* It is about to go on: takes it out of all lists, the queue of its turn
 * included. Also for a call that was never parked. */
void call_unpark(struct call *call);

/* It must end because of `why` (constant), and is answered `err`. Goes on with
 * it at once; it may be freed when this returns. */
void call_abort(struct call *call, enum err err, const char *why);

/* Lua is done with it: nothing ends its waiting any more. */
void call_drop_deadline(struct call *call);

#endif
