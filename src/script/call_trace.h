/* SPDX-License-Identifier: MIT
 * Calls while a trace is on: each belongs to a span (trace/span). */
#ifndef SCRIPT_CALL_TRACE_H
#define SCRIPT_CALL_TRACE_H

#include "script/call_state.h"
#include "trace/tracer.h"

/* Holds the span of the call; one that is nobody's message gets its own, which
 * is exported if it is `drawn`. */
void call_trace_begin(struct call *call, bool drawn);

/* lua_resume of a call with a span, which is the current one meanwhile. */
int call_trace_resume(struct call *call, int *nresults);

/* Tells what has come of it, and calls `done`; the call has no span then. */
void call_trace_end_take(struct call *call);

#endif
