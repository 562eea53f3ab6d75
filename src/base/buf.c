/* SPDX-License-Identifier: MIT
 * A growing byte buffer. */
#include "base/buf.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

enum { BUF_MIN = 256 };

void buf_grow(struct buf *buf, size_t more) {
  size_t cap = buf->cap ? buf->cap : BUF_MIN;
  while (cap - buf->len < more)
    cap *= 2;
  buf->data = mem_realloc(buf->data, cap);
  buf->cap = cap;
}

void buf_free(struct buf *buf) {
  mem_free(buf->data);
  *buf = (struct buf){0};
}

void buf_reset(struct buf *buf, size_t keep) {
  if (buf->cap > keep)
    buf_free(buf);
  buf->len = 0;
}

void buf_printf(struct buf *buf, const char *fmt, ...) {
  va_list args, again;
  va_start(args, fmt);
  va_copy(again, args);
  int need = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  if (need > 0) {
    /* vsnprintf writes a final zero, which is not counted in len. */
    vsnprintf(buf_reserve(buf, (size_t)need + 1), (size_t)need + 1, fmt, again);
    buf->len += (size_t)need;
  }
  va_end(again);
}
