/* SPDX-License-Identifier: MIT
 * What goes into a call, and what it returns. */
#ifndef SCRIPT_CALL_VALUES_H
#define SCRIPT_CALL_VALUES_H

#include "script/call_state.h"

/* All run in the coroutine `L` of the call, protected: they may raise. */

/* Pushes the arguments. */
void call_push_args(lua_State *L, const struct call *call);

/* If the values on the stack are a refusal (nil, code, text, data), the result
 * becomes that. Raises if what stands after nil is none. */
bool call_take_refusal(lua_State *L, struct call *call);

/* Encodes the values on the stack that are wanted into the result. They stand
 * in the scratch buffer of the generation. */
void call_encode_results(lua_State *L, struct call *call);

/* Compares the value that the handler has returned with its declaration, though
 * nobody waits for it. */
void call_check_unasked(lua_State *L, struct call *call);

#endif
