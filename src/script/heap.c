/* SPDX-License-Identifier: MIT
 * The memory of one Lua state.
 *
 * Every block is one of malloc's, of its size rounded up to the step of its
 * list. So a kept block can be given back at any time, and one that grows or
 * shrinks out of its list goes through realloc. */
#include "script/heap.h"

#include <stdlib.h>

/* The most that is kept in the lists together: about what one run of the
 * collector frees. AddressSanitizer can only see the use of a freed block
 * that is not kept. */
#ifdef __SANITIZE_ADDRESS__
enum { KEEP_BYTES = 0 };
#else
enum { KEEP_BYTES = 1 << 20 };
#endif

struct heap_block {
  struct heap_block *next;
};

/* The list for blocks of that size, which is not 0; HEAP_LISTS or more: none.
 */
static size_t list_of(size_t size) {
  return (size - 1) / HEAP_STEP;
}

static size_t rounded(size_t size) {
  return size <= HEAP_SMALL ? (list_of(size) + 1) * HEAP_STEP : size;
}

static void *take_block(struct heap *heap, size_t size) {
  if (size <= HEAP_SMALL && heap->lists[list_of(size)]) {
    struct heap_block *block = heap->lists[list_of(size)];
    heap->lists[list_of(size)] = block->next;
    heap->kept -= rounded(size);
    return block;
  }
  return malloc(rounded(size));
}

static void put_block(struct heap *heap, void *ptr, size_t size) {
  if (size > HEAP_SMALL || heap->kept + rounded(size) > KEEP_BYTES) {
    free(ptr);
    return;
  }
  struct heap_block *block = ptr;
  block->next = heap->lists[list_of(size)];
  heap->lists[list_of(size)] = block;
  heap->kept += rounded(size);
}

static void *resize_block(void *ptr, size_t old, size_t size) {
  if (rounded(old) == rounded(size))
    return ptr;
  void *moved = realloc(ptr, rounded(size));
  return !moved && size < old ? ptr : moved;
}

void *heap_allocate(void *context, void *ptr, size_t old, size_t size) {
  struct heap *heap = context;
  size_t before = ptr ? old : 0; /* without ptr, `old` is a type */
  void *block;
  if (size == 0) {
    if (before)
      put_block(heap, ptr, before);
    heap->used -= before;
    return NULL;
  }
  if (size > before && heap->limit && heap->used + size - before > heap->limit)
    return NULL;
  block = before ? resize_block(ptr, before, size) : take_block(heap, size);
  if (block)
    heap->used += size - before;
  return block;
}

void heap_free(struct heap *heap) {
  for (size_t i = 0; i < HEAP_LISTS; i++)
    while (heap->lists[i]) {
      struct heap_block *block = heap->lists[i];
      heap->lists[i] = block->next;
      free(block);
    }
  heap->kept = 0;
}
