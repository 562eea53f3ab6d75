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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* At most so many buckets are kept. Past that the one that was looked at
 * longest ago goes, full or not. */
enum { RATES_MAX = 100000 };

struct rates {
  uv_mutex_t lock;
  struct rate *buckets; /* by name */
  struct list order;    /* the one looked at longest ago is first */
  bool shared;          /* other machines have buckets of these names, too */
  struct list used;     /* if so: from which something was taken, which they
                         * have not been told; the one told longest ago first */
};

void rates_init(struct rates *rates);
void rates_free(struct rates *rates);

/* Takes one token from the bucket of `user` for `what`, at `now_ms` of a
 * monotonic clock; `rate` (a second) is over 0, `burst` at least 1. Returns 0,
 * or the milliseconds until there is one, as bucket_take does. */
uint32_t rates_take(struct rates *rates, const char *what, const char *user,
                    double rate, double burst, uint64_t now_ms);

/* --- with other machines ----------------------------------------------------
 * A second machine has buckets of its own. What is taken here is told now and
 * then, and what all together have taken comes back. */

/* Before anything is taken: uses are noted from now on. */
void rates_share(struct rates *rates);

struct rates_use {
  const char *what, *user;
  double taken; /* since it was told last */
  double rate;  /* a second */
};

/* Tells of up to `most` buckets; what was told is not told again. `use` may
 * call anything here. */
typedef void rates_use_fn(void *arg, const struct rates_use *use);
void rates_each_use(struct rates *rates, size_t most, rates_use_fn *use,
                    void *arg);

/* All machines together have taken so much, and it was not refilled: what was
 * told from here is in it. No bucket becomes fuller by that. */
void rates_level(struct rates *rates, const char *what, const char *user,
                 double spent, uint64_t now_ms);

/* How many buckets there are. */
unsigned rates_count(const struct rates *rates);

#endif
