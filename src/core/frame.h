/* SPDX-License-Identifier: MIT
 * One WebSocket message as it goes over the wire: header and payload,
 * immutable and reference-counted.
 *
 * A message is framed once, however many connections receive it: the server
 * does not mask (RFC 6455, 5.1), so the bytes are the same for all of them.
 * The count is atomic, because frames travel between workers. */
#ifndef CORE_FRAME_H
#define CORE_FRAME_H

#include "base/attr.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct frame {
  atomic_uint refs;
  uint32_t len; /* bytes of data: header and payload */
  unsigned char data[];
};

/* The most that a header has. */
enum { FRAME_HEADER_BYTES = 10 };

enum frame_opcode {
  FRAME_TEXT = 1,
  FRAME_BINARY = 2,
  FRAME_CLOSE = 8,
  FRAME_PING = 9
};

/* Frames a copy of the payload (at most UINT32_MAX - 10 bytes). The caller
 * holds the one reference and drops it with frame_unref. */
MUST_CHECK struct frame *frame_new(enum frame_opcode opcode,
                                   const void *payload, size_t len);

/* A close frame (RFC 6455, 5.5.1). `reason` is UTF-8 of at most
 * CLOSE_REASON_BYTES; what is longer is left out whole. */
MUST_CHECK struct frame *frame_new_close(int code, const char *reason);

/* One more holder; returns the frame. */
static inline struct frame *frame_ref(struct frame *frame) {
  atomic_fetch_add_explicit(&frame->refs, 1, memory_order_relaxed);
  return frame;
}

/* One holder less; the last one frees it. */
void frame_unref(struct frame *frame);

#endif
