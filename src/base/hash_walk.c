/* SPDX-License-Identifier: MIT
 * Walks over tables that change.
 *
 * A table of uthash has 2^n buckets, which become twice as many when they are
 * full. What was in bucket b is in b or b + 2^n then. If buckets are visited in
 * the order of their numbers read backwards, bit by bit (0, 4, 2, 6, 1, …), one
 * bucket and the two that it may become are the same part of that order: so a
 * walk goes on as if nothing had been. SCAN of Redis does the same. */
#include "base/hash_walk.h"

/* How much is looked at in one piece. After many objects have gone a table is
 * mostly empty buckets. */
enum { PIECE_OBJECTS = 250, PIECE_BUCKETS = 1000 };

static uint32_t backwards(uint32_t bits) {
  uint32_t result = 0;
  for (int i = 0; i < 32; i++, bits >>= 1)
    result = result << 1 | (bits & 1);
  return result;
}

/* The bucket behind `at`, where the lowest bits of `mask` count. */
static uint32_t next_bucket(uint32_t at, uint32_t mask) {
  return backwards(backwards(at | ~mask) + 1);
}

void hash_walk(struct hash_walk *walk, const UT_hash_table *table,
               void (*each)(void *arg, void *object), void *arg) {
  unsigned objects = 0, buckets = 0;
  if (!table)
    walk->over = true;
  while (!walk->over && objects < PIECE_OBJECTS && buckets < PIECE_BUCKETS) {
    uint32_t mask = table->num_buckets - 1;
    UT_hash_handle *handle = table->buckets[walk->at & mask].hh_head;
    for (; handle; handle = handle->hh_next, objects++)
      each(arg, (char *)handle - table->hho);
    buckets++;
    walk->at = next_bucket(walk->at, mask);
    walk->over = walk->at == 0;
  }
}
