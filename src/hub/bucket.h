/* SPDX-License-Identifier: MIT
 * Token buckets: how often something may happen. */
#ifndef HUB_BUCKET_H
#define HUB_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* A zeroed bucket is full. */
struct bucket {
  uint64_t at_ms; /* when `spent` was true; 0: never used */
  double spent;   /* tokens taken and not yet refilled */
};

/* Takes `cost` tokens at `now_ms` (a monotonic clock) from a bucket that holds
 * `burst` and refills with `rate` a second. Returns 0 if it has taken them.
 * Else it takes nothing, and returns the milliseconds (at least 1) until there
 * are enough. A rate of 0 means no limit. A cost over `burst` passes when the
 * bucket is full. */
uint32_t bucket_take(struct bucket *limit, double rate, double burst,
                     double cost, uint64_t now_ms);

#endif
