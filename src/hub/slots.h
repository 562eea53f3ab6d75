/* SPDX-License-Identifier: MIT
 * Small numbers for things that come and go: 1, 2, 3 and so on. A number that
 * has become free is given again before a new one is. So an array can be
 * indexed by them. */
#ifndef HUB_SLOTS_H
#define HUB_SLOTS_H

#include <stdint.h>

/* Zeroed: none is taken. */
struct slots {
  uint32_t *free; /* given back and not taken again */
  uint32_t count, cap;
  uint32_t last; /* the largest that was ever taken */
};

/* A number that nobody has. */
uint32_t slots_take(struct slots *slots);

/* It is free again. Allocates nothing. */
void slots_give(struct slots *slots, uint32_t number);

/* Frees the memory. */
void slots_free(struct slots *slots);

#endif
