/* SPDX-License-Identifier: MIT
 * The memory of one Lua state: counted, limited, and reused.
 *
 * A message makes and drops a handful of small tables and strings. What the
 * collector frees of such sizes is kept for the next ones, in a list for each
 * size, instead of going through malloc; Lua says how large a block is that
 * it frees, so that nothing has to be looked up. */
#ifndef SCRIPT_HEAP_H
#define SCRIPT_HEAP_H

#include <stddef.h>

/* Blocks of up to so many bytes are kept, one list for every 16 bytes. */
enum { HEAP_SMALL = 512, HEAP_STEP = 16, HEAP_LISTS = HEAP_SMALL / HEAP_STEP };

struct heap_block;

/* Zeroed: an empty heap without a limit. Belongs to one thread. */
struct heap {
  size_t used, limit; /* bytes that Lua has; 0: no limit */
  size_t kept;        /* bytes in the lists, not counted in `used` */
  struct heap_block *lists[HEAP_LISTS];
};

/* The lua_Alloc of a state; `context` is its struct heap. NULL where growing
 * goes over the limit or there is no memory; shrinking always works. */
void *heap_allocate(void *context, void *ptr, size_t old, size_t size);

/* Gives back what is kept; after lua_close. */
void heap_free(struct heap *heap);

#endif
