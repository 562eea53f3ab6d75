/* SPDX-License-Identifier: MIT
 * How often each user may do each thing: token buckets by name.
 *
 * A bucket belongs to a user and not to a connection: a second device or a
 * reconnect brings no fresh burst. A bucket that is full again says what a new
 * one would say, and is forgotten. Every call looks after two other buckets. So
 * no timer is needed, and nobody waits for a sweep. All workers share the
 * buckets, behind a lock. */
#ifndef HUB_RATES_H
#define HUB_RATES_H

#include "base/list.h"

#include <stdint.h>
#include <uv.h>

/* At most so many buckets are kept. Past that the one that was looked at
 * longest ago goes, full or not. */
enum { RATES_MAX = 100000 };

struct rates {
  uv_mutex_t lock;
  struct rate *buckets; /* by name */
  struct list order;    /* the one looked at longest ago is first */
};

void rates_init(struct rates *rates);
void rates_free(struct rates *rates);

/* Takes one token from the bucket of `user` for `what`, at `now_ms` of a
 * monotonic clock; `rate` (a second) is over 0, `burst` at least 1. Returns 0,
 * or the milliseconds until there is one, as bucket_take does. */
uint32_t rates_take(struct rates *rates, const char *what, const char *user,
                    double rate, double burst, uint64_t now_ms);

/* How many buckets there are. */
unsigned rates_count(const struct rates *rates);

#endif
