/* SPDX-License-Identifier: MIT
 * Allocation that never fails: it aborts the process when there is no memory.
 *
 * It is for sizes that the program chooses. When a peer chooses the size, the
 * caller bounds it first. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/attr.h"

#include <stddef.h>

/* Zeroed memory; aborts with a log line when there is none. */
MUST_CHECK void *mem_alloc(size_t size);

/* The same, without zeroing. */
MUST_CHECK void *mem_alloc_raw(size_t size);

/* Zeroed, and beginning with a line of the processor's cache: for structs whose
 * members are laid out by what is used together. */
MUST_CHECK void *mem_alloc_aligned(size_t size);

enum { MEM_LINE_BYTES = 64 };

/* Grows or shrinks `ptr` (NULL: allocates); aborts when there is none. */
MUST_CHECK void *mem_realloc(void *ptr, size_t size);

/* A copy of `len` bytes of `text`, zero-terminated; the caller frees it. */
MUST_CHECK char *mem_strndup(const char *text, size_t len);

/* A copy of `text` (NULL gives NULL); the caller frees it. */
MUST_CHECK char *mem_strdup(const char *text);

/* Accepts NULL. */
void mem_free(void *ptr);

#endif
