/* SPDX-License-Identifier: MIT
 * What a thread knows of traces: whether any is on, and what it is doing.
 *
 * Each worker asks `trace_is_on` where something happens that a trace would
 * tell. It is a variable of the thread, set by whoever opens the first trace
 * and closes the last one: so all of this costs a load and a branch at each
 * such place while nobody looks. What follows behind that branch may cost. */
#ifndef TRACE_TRACER_H
#define TRACE_TRACER_H

#include "base/attr.h"
#include "base/buf.h"
#include "trace/board.h"
#include "wire/cause.h"
#include "wire/slice.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { TRACE_DATA_BYTES = 1024 }; /* of data, that are shown */

struct flight_list;
struct otlp;

struct tracer {
  struct trace_board *board; /* borrowed */
  struct otlp *otlp;         /* borrowed; NULL: nothing is exported */
  int worker;                /* 1, 2, …; 0: the HTTP API */
  unsigned version;          /* of the board, when `targets` were read */
  uint32_t places;           /* of `targets` that are some */
  struct trace_target targets[TRACES_MAX];
  struct flight_list *flights; /* of trace/flight, by connection */
  uint32_t flight_count;
  struct buf line; /* being written */
};

extern _Thread_local atomic_bool tracer_flag;

/* Whether any trace is on. */
static inline bool trace_is_on(void) {
  return atomic_load_explicit(&tracer_flag, memory_order_relaxed);
}

/* Of 2^32 messages that begin a trace, so many are exported. */
extern _Thread_local uint64_t tracer_share;

bool tracer_draw(void);

/* Whether this one is. Where nothing is exported it costs a load. */
static inline bool trace_draws(void) {
  return tracer_share > 0 && tracer_draw();
}

/* Whether what this thread does now is to be told to anybody. */
static inline bool trace_is_told(void) {
  return trace_is_on() || cause_now;
}

/* `share` (0 to 1) of this thread's messages; none unless there is somewhere to
 * export them to. */
void tracer_sample(double share);

/* This thread looks at the board from now on, until tracer_leave, which it
 * calls itself, too. */
void tracer_join(struct trace_board *board, int worker);
void tracer_leave(void);

/* That of this thread, with the targets of this moment; NULL: it has none. */
struct tracer *tracer_here(void);

/* The bits of those that follow this. An empty text fits none. */
uint32_t tracer_match(enum trace_kind kind, struct slice text);

/* Begins a line: {"event":…,"at":…,"worker":…. Members that follow begin with a
 * comma. */
struct buf *tracer_begin(const char *event);

/* Ends the line and puts it on the board. */
void tracer_end(uint32_t places);

/* Appends a member with a text, in JSON; nothing if it is NULL. */
void tracer_text(struct buf *out, const char *name, const char *text);

/* Appends "bytes" and "data", which is JSON; of more than TRACE_DATA_BYTES the
 * begin, as a text, "data_begin". */
void tracer_data(struct buf *out, struct slice data);

#endif
