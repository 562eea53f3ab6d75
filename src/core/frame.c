/* SPDX-License-Identifier: MIT
 * Ready-made WebSocket frames. */
#include "core/frame.h"

#include "base/mem.h"
#include "core/close.h"

#include <string.h>

enum { FIN = 0x80, LEN_16 = 126, LEN_64 = 127 };

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
  unsigned char header[FRAME_HEADER_BYTES];
  size_t head = put_header(header, opcode, len);
  struct frame *frame = mem_alloc_raw(sizeof *frame + head + len);
  atomic_init(&frame->refs, 1);
  frame->len = (uint32_t)(head + len);
  memcpy(frame->data, header, head);
  memcpy(frame->data + head, payload, len);
  return frame;
}

struct frame *frame_new_close(int code, const char *reason) {
  unsigned char payload[2 + CLOSE_REASON_BYTES];
  size_t len = strlen(reason);
  if (len > CLOSE_REASON_BYTES)
    len = 0;
  payload[0] = (unsigned char)(code >> 8);
  payload[1] = (unsigned char)code;
  memcpy(payload + 2, reason, len);
  return frame_new(FRAME_CLOSE, payload, 2 + len);
}

void frame_unref(struct frame *frame) {
  if (atomic_fetch_sub_explicit(&frame->refs, 1, memory_order_acq_rel) == 1)
    mem_free(frame);
}
