/* SPDX-License-Identifier: MIT
 * Ready-made WebSocket frames. */
#include "wire/frame.h"

#include "base/mem.h"
#include "wire/close.h"

#include <string.h>

enum { FIN = 0x80, LEN_16 = 126, LEN_64 = 127 };

/* RFC 6455, 5.2: FIN and opcode, then 7, 7+16 or 7+64 bits of length. */
static size_t put_frame_header(unsigned char *out, int opcode, size_t len) {
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

/* A frame with its header; `*payload` is where the rest goes. */
static struct frame *start_frame(int opcode, size_t len,
                                 unsigned char **payload) {
  unsigned char header[FRAME_HEADER_BYTES];
  size_t head = put_frame_header(header, opcode, len);
  struct frame *frame = mem_alloc_raw(sizeof *frame + head + len);
  atomic_init(&frame->refs, 1);
  atomic_init(&frame->twin, NULL);
  frame->cause = cause_now ? cause_ref(cause_now) : NULL;
  frame->len = (uint32_t)(head + len);
  memcpy(frame->data, header, head);
  *payload = frame->data + head;
  return frame;
}

struct frame *frame_new(int opcode, const void *payload, size_t len) {
  unsigned char *out;
  struct frame *frame = start_frame(opcode, len, &out);
  memcpy(out, payload, len);
  return frame;
}

struct frame *frame_new_joined(int opcode, const struct slice *parts,
                               size_t count) {
  unsigned char *out;
  size_t len = 0;
  for (size_t i = 0; i < count; i++)
    len += parts[i].len;
  struct frame *frame = start_frame(opcode, len, &out);
  for (size_t i = 0; i < count; i++) {
    memcpy(out, parts[i].at, parts[i].len);
    out += parts[i].len;
  }
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

const unsigned char *frame_payload(const struct frame *frame, size_t *len) {
  size_t head = frame->data[1] < LEN_16    ? 2
                : frame->data[1] == LEN_16 ? 4
                                           : FRAME_HEADER_BYTES;
  *len = frame->len - head;
  return frame->data + head;
}

void frame_unref(struct frame *frame) {
  if (atomic_fetch_sub_explicit(&frame->refs, 1, memory_order_acq_rel) != 1)
    return;
  struct frame *twin = atomic_load_explicit(&frame->twin, memory_order_relaxed);
  if (twin && twin != frame)
    frame_unref(twin);
  cause_unref(frame->cause);
  mem_free(frame);
}
