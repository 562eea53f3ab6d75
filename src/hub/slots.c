/* SPDX-License-Identifier: MIT
 * Small numbers for things that come and go. */
#include "hub/slots.h"

#include "base/mem.h"

#include <stddef.h>

enum { FIRST = 64 };

uint32_t slots_take(struct slots *slots) {
  if (slots->count > 0)
    return slots->free[--slots->count];
  if (slots->last == slots->cap) { /* there will be room for all of them */
    slots->cap = slots->cap ? slots->cap * 2 : FIRST;
    slots->free = mem_realloc(slots->free, slots->cap * sizeof *slots->free);
  }
  return ++slots->last;
}

void slots_give(struct slots *slots, uint32_t number) {
  slots->free[slots->count++] = number;
}

void slots_free(struct slots *slots) {
  mem_free(slots->free);
  *slots = (struct slots){NULL, 0, 0, 0};
}
