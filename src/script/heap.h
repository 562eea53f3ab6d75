/* SPDX-License-Identifier: MIT
 * The memory of one Lua state: counted, limited, and reused.
 *
 * A message makes a handful of small tables and strings, and drops them. Blocks
 * of such sizes do not go back to malloc when the collector frees them: they
 * are kept for the next message, in one list for each size. Lua tells the size
 * of a block that it frees, so that nothing has to be looked up. */
#ifndef SCRIPT_HEAP_H
#define SCRIPT_HEAP_H

#include <stddef.h>

/* Blocks of up to HEAP_SMALL bytes are kept, in a list for every 16 bytes. */
enum { HEAP_SMALL = 512, HEAP_STEP = 16, HEAP_LISTS = HEAP_SMALL / HEAP_STEP };

struct heap_block;

/* Zeroed: an empty heap without a limit. Belongs to one thread. */
struct heap {
  size_t used, limit; /* bytes that Lua has; 0: no limit */
  size_t kept;        /* bytes in the lists, not counted in `used` */
  struct heap_block *lists[HEAP_LISTS];
};

/* The lua_Alloc of a state; `context` is its struct heap. Returns NULL if a
 * block cannot grow, for the limit or for lack of memory. Shrinking always
 * works. */
void *heap_allocate(void *context, void *ptr, size_t old, size_t size);

/* Gives the kept blocks back to malloc. To be called after lua_close. */
void heap_free(struct heap *heap);

#endif
