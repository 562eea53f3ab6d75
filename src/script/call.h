/* SPDX-License-Identifier: MIT
 * The only door into Lua. It runs a handler or a hook in a coroutine of its
 * own, and says what came of it: at once, or later, if the handler waited.
 *
 *   call_run ──► running ──returned, raised──► done(result)
 *                 │   ▲
 *        wait_begin   wait_wake, call_abort_all, the handler's timeout
 *                 ▼   │
 *                parked (in conn->calls: the connection is busy meanwhile)
 *
 * Whatever a script does comes out of here as a result. An error is caught,
 * logged with its traceback and a reference, counted, and reported as
 * CALL_FAILED. */
#ifndef SCRIPT_CALL_H
#define SCRIPT_CALL_H

#include "script/call_spec.h"
#include "script/generation.h"

/* Runs the function; `done` is called when it has ended. */
void call_run(struct generation *generation, const struct call_spec *spec);

/* Ends every call that waits. Each raises `why` (constant) where it waits,
 * which nothing in a script can catch for long, and is answered `err`. */
void call_abort_all(struct generation *generation, enum err err,
                    const char *why);

/* Something is going to be called: the generation must not go meanwhile. */
void call_hold(struct generation *generation);
void call_let_go(struct generation *generation);

#endif
