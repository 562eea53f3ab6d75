/* SPDX-License-Identifier: MIT
 * A growing byte buffer, for texts that are built piece by piece.
 *
 * It never fails: like mem_alloc it aborts when there is no memory. The caller
 * bounds what goes in. Use buf_reset to use a buffer again. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/attr.h"

#include <stddef.h>
#include <string.h>

struct buf {
  char *data;      /* NULL until something was put in */
  size_t len, cap; /* bytes used, bytes allocated */
};

/* Makes room for `more` bytes past `len`. */
void buf_grow(struct buf *buf, size_t more);

/* Frees the bytes; the buffer is empty and may be used again. */
void buf_free(struct buf *buf);

/* Empties the buffer; keeps up to `keep` bytes of room for the next use. */
void buf_reset(struct buf *buf, size_t keep);

/* Appends formatted text. */
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF(2, 3);

/* Makes room for `more` bytes and returns where they go; never NULL. The caller
 * adds to `len` what it has used. */
static inline char *buf_reserve(struct buf *buf, size_t more) {
  if (buf->cap - buf->len < more || !buf->data)
    buf_grow(buf, more);
  return buf->data + buf->len;
}

static inline void buf_put(struct buf *buf, const void *bytes, size_t len) {
  if (len > 0) /* `bytes` may be NULL then */
    memcpy(buf_reserve(buf, len), bytes, len);
  buf->len += len;
}

static inline void buf_putc(struct buf *buf, char c) {
  *buf_reserve(buf, 1) = c;
  buf->len++;
}

static inline void buf_puts(struct buf *buf, const char *text) {
  buf_put(buf, text, strlen(text));
}

#endif
