/* SPDX-License-Identifier: MIT
 * What happens in the coroutine of a call. */
#ifndef SCRIPT_CALL_BODY_H
#define SCRIPT_CALL_BODY_H

#include "script/call_state.h"

/* Pushes, onto the empty stack of the call's coroutine, a function and its one
 * argument. Resumed with that, the coroutine runs the call, @message first if
 * it is gated. It never raises but for lack of memory: an error of the script
 * becomes call->error, with a traceback, and what it returned call->result.
 * Texts and values stay on the coroutine's stack. */
void call_body_push(struct call *call);

#endif
