/* SPDX-License-Identifier: MIT
 * WebSocket frames as bench/baseline.c sends and receives them. */
#ifndef BENCH_WS_H
#define BENCH_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { WS_TEXT = 1 };

/* Longest header that is written: 2 bytes, 8 of length. */
enum { WS_HEADER = 10 };

struct ws_frame {
  int opcode;
  char *payload; /* points into the buffer that was parsed, unmasked */
  size_t len;
};

static inline void ws_apply(const unsigned char *mask, char *p, size_t len) {
  for (size_t i = 0; i < len; i++)
    p[i] = (char)(p[i] ^ (char)mask[i & 3]);
}

/* Writes a text to `out`, which has room for len + WS_HEADER, and returns the
 * size of the frame. Servers do not mask. */
static inline size_t ws_write(char *out, const char *payload, size_t len) {
  unsigned char *h = (unsigned char *)out;
  size_t n = 2;
  h[0] = 0x80 | WS_TEXT;
  if (len < 126) {
    h[1] = (unsigned char)len;
  } else {
    n = len < 65536 ? 4 : 10;
    h[1] = n == 4 ? 126 : 127;
    for (size_t i = 2; i < n; i++)
      h[i] = (unsigned char)((uint64_t)len >> (8 * (n - 1 - i)));
  }
  memcpy(out + n, payload, len);
  return n + len;
}

/* Takes one frame off the front of `p`. Returns its size with header, or 0 if
 * it is not complete. Fragments are not put together: nobody here sends any. */
static inline size_t ws_read(char *p, size_t len, struct ws_frame *frame) {
  const unsigned char *h = (const unsigned char *)p;
  if (len < 2)
    return 0;
  uint64_t size = h[1] & 0x7f;
  size_t n = size == 126 ? 4 : size == 127 ? 10 : 2;
  bool masked = h[1] & 0x80;
  size_t head = n + (masked ? 4 : 0);
  if (len < head)
    return 0;
  if (n > 2) {
    size = 0;
    for (size_t i = 2; i < n; i++)
      size = size << 8 | h[i];
  }
  if (len - head < size)
    return 0;
  frame->opcode = h[0] & 0x0f;
  frame->payload = p + head;
  frame->len = (size_t)size;
  if (masked)
    ws_apply(h + n, frame->payload, frame->len);
  return head + frame->len;
}

#endif
