/* SPDX-License-Identifier: MIT
 * One WebSocket message as it goes over the wire: header and payload,
 * immutable and reference-counted.
 *
 * A message is framed once, however many connections receive it: the server
 * does not mask (RFC 6455, 5.1), so the bytes are the same for all of them.
 * The count is atomic, because frames travel between workers. */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include "base/attr.h"
#include "wire/cause.h"
#include "wire/slice.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct frame {
  atomic_uint refs;
  uint32_t len; /* bytes of data: header and payload */
  /* The same message compressed, owned; the frame itself if that is no use;
   * NULL: nobody has asked yet. By wire/deflate. */
  _Atomic(struct frame *) twin;
  struct cause *cause; /* of traces; NULL: nothing that is followed */
  unsigned char data[];
};

/* The most that a header has. */
enum { FRAME_HEADER_BYTES = 10 };

/* RFC 6455, 5.2. Continuations are only received, see wire/reader. */
enum frame_opcode {
  FRAME_CONTINUATION = 0,
  FRAME_TEXT = 1,
  FRAME_BINARY = 2,
  FRAME_CLOSE = 8,
  FRAME_PING = 9,
  FRAME_PONG = 10
};

/* Goes with an opcode: the payload is compressed (RFC 7692, RSV1). */
enum { FRAME_COMPRESSED = 0x40 };

/* Frames a copy of the payload, of at most UINT32_MAX - 10 bytes. `opcode` is
 * one of enum frame_opcode, perhaps with FRAME_COMPRESSED. The caller is the
 * one holder, and calls frame_unref in the end. */
MUST_CHECK struct frame *frame_new(int opcode, const void *payload, size_t len);

/* The same, of a payload in so many parts. */
MUST_CHECK struct frame *frame_new_joined(int opcode, const struct slice *parts,
                                          size_t count);

/* Makes a close frame (RFC 6455, 5.5.1). `reason` is UTF-8 of at most
 * CLOSE_REASON_BYTES; a longer reason is left out. */
MUST_CHECK struct frame *frame_new_close(int code, const char *reason);

/* Without FRAME_COMPRESSED. */
static inline enum frame_opcode frame_opcode(const struct frame *frame) {
  return (enum frame_opcode)(frame->data[0] & 0x0f);
}

/* Where the payload begins, and how long it is. */
const unsigned char *frame_payload(const struct frame *frame, size_t *len);

/* Adds a holder, and returns the frame. */
static inline struct frame *frame_ref(struct frame *frame) {
  atomic_fetch_add_explicit(&frame->refs, 1, memory_order_relaxed);
  return frame;
}

/* Takes a holder away. The last one frees the frame. */
void frame_unref(struct frame *frame);

#endif
