/* SPDX-License-Identifier: MIT
 * A look at all of a table of base/hash, in pieces: it may change in between.
 *
 * For tables behind a lock that others wait for: who looks at all of a large
 * one lets them in after each piece. */
#ifndef BASE_HASH_WALK_H
#define BASE_HASH_WALK_H

#include "base/hash.h"

#include <stdbool.h>

/* Begins as zero. */
struct hash_walk {
  uint32_t at; /* the next bucket, see hash_walk.c */
  bool over;
};

/* The next piece: calls `each` for some hundred objects at most, about. It must
 * not change the table. `table` is that of any object in it, hh.tbl; NULL when
 * it is empty, which ends the walk.
 *
 * What is in the table from the first piece to the last one is told once. What
 * comes or goes meanwhile may be told or not. */
void hash_walk(struct hash_walk *walk, const UT_hash_table *table,
               void (*each)(void *arg, void *object), void *arg);

#endif
