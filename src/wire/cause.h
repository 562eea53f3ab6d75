/* SPDX-License-Identifier: MIT
 * What a frame is an effect of, for traces (trace/span): immutable but for its
 * counts, and shared by all frames that one message or call has led to, on
 * whichever thread they are. */
#ifndef WIRE_CAUSE_H
#define WIRE_CAUSE_H

#include "base/attr.h"
#include "wire/traceparent.h"

#include <stdatomic.h>
#include <stdint.h>

enum { CAUSE_FAR_MAX = 4 };

struct cause {
  atomic_uint refs;
  atomic_uint traces; /* a bit for each that follows it */
  atomic_uint told;   /* frames of it that went to a collector (trace/otlp) */
  uint64_t span;
  /* Of another machine: sums of what it is followed by there (trace/far). */
  uint64_t far[CAUSE_FAR_MAX];
  char trace[TRACEPARENT_TRACE + 1]; /* empty: it has none */
};

/* That of the frames that this thread makes; NULL: nothing that is followed. */
extern _Thread_local struct cause *cause_now;

/* The caller is the one holder. `trace` is as the field. */
MUST_CHECK struct cause *cause_new(uint64_t span, const char *trace);

/* Adds a holder, and returns it. Accepts NULL. */
struct cause *cause_ref(struct cause *cause);

/* Takes a holder away; the last one frees it. Accepts NULL. */
void cause_unref(struct cause *cause);

/* Its traces; none of NULL. */
static inline uint32_t cause_traces(const struct cause *cause) {
  return cause ? atomic_load_explicit(&cause->traces, memory_order_relaxed) : 0;
}

#endif
