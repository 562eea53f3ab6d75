/* SPDX-License-Identifier: MIT
 * A histogram of times. */
#include "load/hist.h"

#include <math.h>

static unsigned hist_bucket(uint64_t value) {
  if (value < HIST_SUB)
    return (unsigned)value;
  unsigned top = 63 - (unsigned)__builtin_clzll(value);
  unsigned shift = top - HIST_SUB_BITS;
  /* The highest bit is known; the HIST_SUB_BITS below it choose. */
  return (shift + 1) * HIST_SUB + (unsigned)(value >> shift) - HIST_SUB;
}

/* The largest value that falls into the bucket. */
static uint64_t end_of(unsigned bucket) {
  if (bucket < HIST_SUB)
    return bucket;
  unsigned shift = bucket / HIST_SUB - 1;
  uint64_t first = HIST_SUB + bucket % HIST_SUB;
  return (first << shift) + ((UINT64_C(1) << shift) - 1);
}

void hist_add(struct hist *hist, uint64_t value) {
  hist->count++;
  if (value > hist->max)
    hist->max = value;
  hist->bucket[hist_bucket(value)]++;
}

uint64_t hist_quantile(const struct hist *hist, double part) {
  uint64_t want = (uint64_t)ceil(part * (double)hist->count), seen = 0;
  if (hist->count == 0)
    return 0;
  for (unsigned i = 0; i < HIST_BUCKETS; i++) {
    seen += hist->bucket[i];
    if (seen >= want && seen > 0)
      return end_of(i) < hist->max ? end_of(i) : hist->max;
  }
  return hist->max;
}
