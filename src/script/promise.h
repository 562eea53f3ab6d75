/* SPDX-License-Identifier: MIT
 * Whether what scripts send is what they have declared: replies (`reply`) and
 * pushes (`emits`).
 *
 * With script.check_sent, which development mode has, everything that leaves is
 * looked at, and what does not fit raises in the script, with file and line:
 * nobody gets it. Without, one of PROMISE_EVERY is looked at. What does not fit
 * is sent all the same, and counted; the log says so once for each kind of
 * message and load of the scripts. */
#ifndef SCRIPT_PROMISE_H
#define SCRIPT_PROMISE_H

#include "script/call_state.h"

#include <lua.h>

enum { PROMISE_EVERY = 64 };

/* The reply of a handler that has returned. `json` has `len` bytes, 0: nil. */
void promise_check_reply(lua_State *L, struct call *call, const char *json,
                         size_t len);

/* Whether the reply is to be looked at even if nobody waits for it. */
bool promise_wants_reply(const struct call *call);

/* A message that a script is about to send. `json` is its data; NULL: it has
 * none. To be called if generation->has_promises. It uses nothing but
 * generation->why. */
void promise_check_push(lua_State *L, const char *type, size_t type_len,
                        const char *json, size_t len);

#endif
