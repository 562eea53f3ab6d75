/* SPDX-License-Identifier: MIT
 * The `id` of a request: what the client wants to see on the answer. */
#ifndef WIRE_MSG_ID_H
#define WIRE_MSG_ID_H

#include "base/buf.h"

#include <stdint.h>

/* The longest text, in bytes, and the largest number. */
enum { MSG_ID_TEXT = 64 };
#define MSG_ID_MAX ((INT64_C(1) << 53) - 1)

enum msg_id_kind { MSG_ID_NONE, MSG_ID_INT, MSG_ID_STRING };

/* A plain value: copy it as long as an answer is due. */
struct msg_id {
  enum msg_id_kind kind;
  uint64_t number;        /* of MSG_ID_INT: 1 to MSG_ID_MAX */
  uint8_t len;            /* of MSG_ID_STRING: bytes of text */
  char text[MSG_ID_TEXT]; /* UTF-8 without escapes, no zero at the end */
};

/* Appends the id as JSON, as the client wrote it (escapes aside). It is not
 * MSG_ID_NONE. */
void msg_id_put(struct buf *out, const struct msg_id *id);

#endif
