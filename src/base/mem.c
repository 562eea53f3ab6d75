/* SPDX-License-Identifier: MIT
 * Allocation that aborts. */
#include "base/mem.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static void *must(void *ptr, size_t size) {
  if (!ptr && size)
    log_fatal("out of memory: no %zu bytes", size);
  return ptr;
}

void *mem_alloc(size_t size) {
  return must(calloc(1, size), size);
}

void *mem_alloc_raw(size_t size) {
  return must(malloc(size), size);
}

void *mem_alloc_aligned(size_t size) {
  size_t lines = (size + MEM_LINE_BYTES - 1) / MEM_LINE_BYTES;
  void *ptr = must(aligned_alloc(MEM_LINE_BYTES, lines * MEM_LINE_BYTES), size);
  memset(ptr, 0, size);
  return ptr;
}

void *mem_realloc(void *ptr, size_t size) {
  return must(realloc(ptr, size), size);
}

char *mem_strndup(const char *text, size_t len) {
  char *copy = mem_alloc_raw(len + 1);
  memcpy(copy, text, len);
  copy[len] = 0;
  return copy;
}

char *mem_strdup(const char *text) {
  return text ? mem_strndup(text, strlen(text)) : NULL;
}

void mem_free(void *ptr) {
  free(ptr);
}
