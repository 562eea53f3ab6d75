/* SPDX-License-Identifier: MIT
 * Token buckets by name. */
#include "hub/rates.h"

#include "base/mem.h"
#include "hub/bucket.h"

#include "base/hash.h"
#include <math.h>
#include <string.h>

struct rate {
  UT_hash_handle hh;
  struct list node; /* in rates->order */
  struct bucket limit;
  uint64_t full_ms; /* when it is full again, if nobody takes more */
  char key[];       /* what, a zero, user, a zero */
};

/* A call adds one bucket at most: looking at two finds the full ones. */
enum { LOOK_AFTER = 2 };

void rates_init(struct rates *rates) {
  *rates = (struct rates){0};
  uv_mutex_init(&rates->lock);
  list_init(&rates->order);
}

static void drop_rate(struct rates *rates, struct rate *rate) {
  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is in the table
  HASH_DEL(rates->buckets, rate);
  list_remove(&rate->node);
  mem_free(rate);
}

void rates_free(struct rates *rates) {
  struct rate *rate = NULL, *next = NULL;
  HASH_ITER (hh, rates->buckets, rate, next)
    drop_rate(rates, rate);
  uv_mutex_destroy(&rates->lock);
}

static void look_after_two(struct rates *rates, uint64_t now_ms) {
  for (int i = 0; i < LOOK_AFTER && !list_empty(&rates->order); i++) {
    struct list *node = list_shift(&rates->order);
    struct rate *rate = container_of(node, struct rate, node);
    if (rate->full_ms <= now_ms || rates_count(rates) >= RATES_MAX)
      drop_rate(rates, rate);
    else
      list_push(&rates->order, node);
  }
}

static struct rate *ensure_rate(struct rates *rates, const char *what,
                                const char *user) {
  char key[256];
  size_t what_len = strlen(what) + 1, user_len = strlen(user) + 1;
  size_t len = what_len + user_len;
  struct rate *rate = NULL;
  if (len > sizeof key)
    abort(); /* a type has 64 bytes, a user id 128 */
  memcpy(key, what, what_len);
  memcpy(key + what_len, user, user_len);
  HASH_FIND(hh, rates->buckets, key, len, rate);
  if (!rate) {
    rate = mem_alloc(sizeof *rate + len);
    memcpy(rate->key, key, len);
    list_init(&rate->node);
    HASH_ADD_KEYPTR(hh, rates->buckets, rate->key, len, rate);
  }
  return rate;
}

uint32_t rates_take(struct rates *rates, const char *what, const char *user,
                    double rate, double burst, uint64_t now_ms) {
  uv_mutex_lock(&rates->lock);
  look_after_two(rates, now_ms);
  struct rate *bucket = ensure_rate(rates, what, user);
  list_remove(&bucket->node);
  list_push(&rates->order, &bucket->node);
  uint32_t wait = bucket_take(&bucket->limit, rate, burst, 1, now_ms);
  double left_ms = ceil(bucket->limit.spent / rate * 1000.0);
  bucket->full_ms = now_ms + (uint64_t)fmin(left_ms, 1e15);
  uv_mutex_unlock(&rates->lock);
  return wait;
}

unsigned rates_count(const struct rates *rates) {
  return HASH_COUNT(rates->buckets);
}
