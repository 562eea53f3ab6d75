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
  struct list used; /* in rates->used, or in none */
  double taken;     /* that others have not been told */
  double per_s;     /* the rate that was asked for last */
  char key[];       /* what, a zero, user, a zero */
};

/* A call adds one bucket at most: looking at two finds the full ones. */
enum { LOOK_AFTER = 2 };

void rates_init(struct rates *rates) {
  *rates = (struct rates){0};
  uv_mutex_init(&rates->lock);
  list_init(&rates->order);
  list_init(&rates->used);
}

static void drop_rate(struct rates *rates, struct rate *rate) {
  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is in the table
  HASH_DEL(rates->buckets, rate);
  list_remove(&rate->node);
  list_remove(&rate->used);
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

static size_t make_key(char *key, size_t cap, const char *what,
                       const char *user) {
  size_t what_len = strlen(what) + 1, user_len = strlen(user) + 1;
  if (what_len + user_len > cap)
    abort(); /* a type has 64 bytes, a user id 128 */
  memcpy(key, what, what_len);
  memcpy(key + what_len, user, user_len);
  return what_len + user_len;
}

static struct rate *ensure_rate(struct rates *rates, const char *what,
                                const char *user) {
  char key[256];
  size_t len = make_key(key, sizeof key, what, user);
  struct rate *rate = NULL;
  HASH_FIND(hh, rates->buckets, key, len, rate);
  if (!rate) {
    rate = mem_alloc(sizeof *rate + len);
    memcpy(rate->key, key, len);
    list_init(&rate->node);
    list_init(&rate->used);
    HASH_ADD_KEYPTR(hh, rates->buckets, rate->key, len, rate);
  }
  return rate;
}

static void note_full(struct rate *bucket, uint64_t now_ms) {
  double left_ms = ceil(bucket->limit.spent / bucket->per_s * 1000.0);
  bucket->full_ms = now_ms + (uint64_t)fmin(left_ms, 1e15);
}

static void note_use(struct rates *rates, struct rate *bucket) {
  bucket->taken++;
  if (list_empty(&bucket->used))
    list_push(&rates->used, &bucket->used);
}

uint32_t rates_take(struct rates *rates, const char *what, const char *user,
                    double rate, double burst, uint64_t now_ms) {
  uv_mutex_lock(&rates->lock);
  look_after_two(rates, now_ms);
  struct rate *bucket = ensure_rate(rates, what, user);
  list_remove(&bucket->node);
  list_push(&rates->order, &bucket->node);
  uint32_t wait = bucket_take(&bucket->limit, rate, burst, 1, now_ms);
  bucket->per_s = rate;
  note_full(bucket, now_ms);
  if (rates->shared && wait == 0)
    note_use(rates, bucket);
  uv_mutex_unlock(&rates->lock);
  return wait;
}

/* --- with other machines ----------------------------------------------------
 */

void rates_share(struct rates *rates) {
  rates->shared = true;
}

/* Told without the lock: it may take long. */
struct told {
  struct rates_use use;
  char *key;
};

static struct told take_use(struct rate *bucket) {
  size_t what_len = strlen(bucket->key) + 1;
  size_t len = what_len + strlen(bucket->key + what_len);
  struct told told = {.key = mem_strndup(bucket->key, len)};
  told.use = (struct rates_use){.what = told.key,
                                .user = told.key + what_len,
                                .taken = bucket->taken,
                                .rate = bucket->per_s};
  bucket->taken = 0;
  return told;
}

void rates_each_use(struct rates *rates, size_t most, rates_use_fn *use,
                    void *arg) {
  struct told *told = NULL;
  struct list *node;
  size_t count = 0;
  uv_mutex_lock(&rates->lock);
  if (!list_empty(&rates->used))
    told = mem_alloc(most * sizeof *told);
  while (told && count < most && (node = list_shift(&rates->used)))
    told[count++] = take_use(container_of(node, struct rate, used));
  uv_mutex_unlock(&rates->lock);
  for (size_t i = 0; i < count; i++) {
    use(arg, &told[i].use);
    mem_free(told[i].key);
  }
  mem_free(told);
}

void rates_level(struct rates *rates, const char *what, const char *user,
                 double spent, uint64_t now_ms) {
  char key[256];
  size_t len = make_key(key, sizeof key, what, user);
  struct rate *bucket = NULL;
  uv_mutex_lock(&rates->lock);
  HASH_FIND(hh, rates->buckets, key, len, bucket);
  if (bucket && bucket->limit.spent < spent + bucket->taken) {
    bucket->limit.spent = spent + bucket->taken;
    if (bucket->limit.at_ms < now_ms)
      bucket->limit.at_ms = now_ms;
    note_full(bucket, now_ms);
  }
  uv_mutex_unlock(&rates->lock);
}

unsigned rates_count(const struct rates *rates) {
  return HASH_COUNT(rates->buckets);
}
