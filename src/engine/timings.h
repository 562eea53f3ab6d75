/* SPDX-License-Identifier: MIT
 * How long things take, as histograms for GET /metrics: handlers by message
 * type, turns of the loops, deliveries.
 *
 * Each worker has a histogram of its own in each series, and alone writes to
 * it, without a lock; whoever reads adds up what all of them have. A series
 * lives as long as the process, over reloads. Message types are those of
 * scripts, and still bounded: past TIMINGS_TYPES_MAX they share "other". */
#ifndef ENGINE_TIMINGS_H
#define ENGINE_TIMINGS_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdatomic.h>
#include <stdint.h>

enum { TIMING_BOUNDS = 15, TIMINGS_TYPES_MAX = 200 };

/* X(NAME, metric, label of its series or "", help) */
#define TIMINGS_MAP(X)                                                         \
  X(HANDLER, "perigee_handler_seconds", "type",                                \
    "time of calls of handlers and hooks, waiting included")                   \
  X(TURN, "perigee_loop_turn_seconds", "",                                     \
    "time in which a loop did not look for what is new")                       \
  X(DELIVERY, "perigee_delivery_seconds", "",                                  \
    "time that messages waited for their socket, at most")

enum timing_family {
#define TIMINGS_ENUM(name, metric, label, help) TIMING_##name,
  TIMINGS_MAP(TIMINGS_ENUM)
#undef TIMINGS_ENUM
      TIMING_FAMILIES
};

struct timings;

/* The histogram of one worker in one series. */
struct timing {
  _Atomic uint64_t counts[TIMING_BOUNDS + 1]; /* each its own; last: longer */
  _Atomic uint64_t sum_ns;
};

MUST_CHECK struct timings *timings_new(int workers);

/* Accepts NULL. */
void timings_free(struct timings *timings);

/* The histogram of the worker (1, 2, …), which lives as long as `timings`. By
 * any thread. `label` is a message type, or "" for a family without one. */
struct timing *timings_of(struct timings *timings, enum timing_family family,
                          int worker, const char *label);

/* Notes that something took so long, `times` times. Only the worker's thread
 * may do that. */
void timing_note(struct timing *timing, uint64_t ns, uint64_t times);

/* Appends them as an object: "bounds_s", the upper ends of the buckets in
 * seconds, and for each family, by label, how many were in each bucket, and
 * behind that how many took longer. By any thread. */
void timings_print_json(struct timings *timings, struct buf *out);

/* Appends all series in the text format of Prometheus. By any thread. */
void timings_print(struct timings *timings, struct buf *out);

#endif
