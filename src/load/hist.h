/* SPDX-License-Identifier: MIT
 * A histogram of times: log-linear buckets, as HdrHistogram has them.
 *
 * Below 128 ns each value has a bucket of its own; from there on each power of
 * two is cut into 128. So a value is known to better than 1 %, from a
 * nanosecond to centuries, in a fixed amount of memory and with no sorting.
 * The largest value is kept exactly. */
#ifndef LOAD_HIST_H
#define LOAD_HIST_H

#include <stdint.h>

enum {
  HIST_SUB_BITS = 7,
  HIST_SUB = 1 << HIST_SUB_BITS,
  HIST_BUCKETS = (64 - HIST_SUB_BITS + 1) * HIST_SUB
};

/* Zeroed memory is an empty one. */
struct hist {
  uint64_t count, max;
  uint64_t bucket[HIST_BUCKETS];
};

void hist_add(struct hist *hist, uint64_t value);

/* The value that `part` (0 to 1) of all values do not exceed, rounded up to
 * the end of its bucket but never beyond the largest; 0 when there is none. */
uint64_t hist_quantile(const struct hist *hist, double part);

#endif
