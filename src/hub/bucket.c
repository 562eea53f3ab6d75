/* SPDX-License-Identifier: MIT
 * Token buckets. */
#include "hub/bucket.h"

#include <math.h>

uint32_t bucket_take(struct bucket *limit, double rate, double burst,
                     double cost, uint64_t now_ms) {
  if (rate <= 0)
    return 0;
  /* Workers share some of the buckets, and their clocks differ by a turn of
   * their loops: what is refilled must not be refilled again. */
  if (now_ms > limit->at_ms) {
    double refill = rate * (double)(now_ms - limit->at_ms) / 1000.0;
    limit->spent = fmax(0, limit->spent - refill);
    limit->at_ms = now_ms;
  }
  if (limit->spent > 0 && limit->spent + cost > burst) {
    double excess = fmin(limit->spent + cost - burst, limit->spent);
    return (uint32_t)fmin(UINT32_MAX, ceil(excess / rate * 1000.0));
  }
  limit->spent += cost;
  return 0;
}
