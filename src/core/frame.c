/* SPDX-License-Identifier: MIT
 * Ready-made WebSocket frames. */
#include "core/frame.h"

#include "base/mem.h"

#include <string.h>

enum { HEADER_MAX = 10, FIN = 0x80, LEN_16 = 126, LEN_64 = 127 };

/* RFC 6455, 5.2: FIN and opcode, then 7, 7+16 or 7+64 bits of length. */
static size_t put_header(unsigned char *out, enum frame_opcode opcode,
                         size_t len) {
  out[0] = (unsigned char)(FIN | opcode);
  if (len < LEN_16) {
    out[1] = (unsigned char)len;
    return 2;
  }
  size_t bytes = len <= UINT16_MAX ? 2 : 8;
  out[1] = bytes == 2 ? LEN_16 : LEN_64;
  for (size_t i = 0; i < bytes; i++)
    out[2 + i] = (unsigned char)((uint64_t)len >> 8 * (bytes - 1 - i));
  return 2 + bytes;
}

struct frame *frame_new(enum frame_opcode opcode, const void *payload,
                        size_t len) {
  unsigned char header[HEADER_MAX];
  size_t head = put_header(header, opcode, len);
  struct frame *frame = mem_alloc_raw(sizeof *frame + head + len);
  atomic_init(&frame->refs, 1);
  frame->len = (uint32_t)(head + len);
  memcpy(frame->data, header, head);
  memcpy(frame->data + head, payload, len);
  return frame;
}

void frame_unref(struct frame *frame) {
  if (atomic_fetch_sub_explicit(&frame->refs, 1, memory_order_acq_rel) == 1)
    mem_free(frame);
}
