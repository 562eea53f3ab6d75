/* SPDX-License-Identifier: MIT
 * WebSocket frames as a client reads and writes them (RFC 6455, 5.2).
 *
 * The server's own reader (wire/reader) is not used: a client that is made of
 * what it measures would agree with its mistakes. And this one is of whole
 * frames, which is less work for each. */
#ifndef LOAD_FRAMING_H
#define LOAD_FRAMING_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum framing_opcode {
  FRAMING_CONTINUATION = 0,
  FRAMING_TEXT = 1,
  FRAMING_CLOSE = 8,
  FRAMING_PING = 9,
  FRAMING_PONG = 10
};

struct framing_frame {
  unsigned opcode;
  bool last;           /* of its message */
  const char *payload; /* in the bytes that were read */
  uint64_t len;        /* of the payload, when the header is there; else 0 */
};

/* Takes the frame at the front of the bytes. Returns its size, with the
 * header; 0: it is not complete; ERR_BAD_REQUEST: no server may send that
 * (a mask, reserved bits, an opcode that is none, a long control frame). */
MUST_CHECK ssize_t framing_read(const char *bytes, size_t len,
                                struct framing_frame *frame);

/* Appends a whole message, or a control frame, under this mask. */
void framing_write(struct buf *out, enum framing_opcode opcode,
                   const char *payload, size_t len, uint32_t mask);

#endif
