/* SPDX-License-Identifier: MIT
 * What a client sends, cut into frames (RFC 6455, 5.2 to 5.5): bytes go in as
 * they come from the socket, parts of messages and control frames come out.
 *
 * Only small things that come in two pieces are copied: the header of a frame,
 * and the payload of a control frame. The payload of a message is unmasked
 * where it stands and given out as it comes. Whoever wants whole messages puts
 * the parts together. Most frames come whole; then a message is one part. */
#ifndef WIRE_READER_H
#define WIRE_READER_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two bytes, 8 for a long length, 4 of the mask. */
enum { READER_HEAD_BYTES = 14 };

/* Of a frame that comes in pieces. */
struct reader_pieces {
  struct buf control; /* the payload of a control frame */
  unsigned char head_len;
  unsigned char head[READER_HEAD_BYTES]; /* the first head_len bytes of it */
};

/* Zeroed at the beginning, but for `deflate`. */
struct reader {
  uint64_t left;                /* payload bytes of the frame still to come */
  struct reader_pieces *pieces; /* NULL most of the time */
  unsigned char mask[4];        /* turned to the next byte of the payload */
  unsigned char first;          /* the first byte of the frame's header */
  unsigned char message; /* that of the message in progress; 0: none is */
  bool in_payload;
  bool deflate; /* permessage-deflate was negotiated: RSV1 has a meaning */
};

enum reader_kind {
  READER_MORE, /* all bytes are used, and it takes more of them */
  READER_DATA, /* a part of a message, perhaps an empty one */
  READER_PING, /* a whole control frame */
  READER_PONG,
  READER_CLOSE,
  READER_FAULT, /* that is no WebSocket: nothing after it can be read */
};

struct reader_part {
  unsigned char *data; /* unmasked; valid until the next call */
  size_t len;
  uint64_t left;   /* payload bytes of its frame that come after it */
  bool first;      /* the message begins with it */
  bool last;       /* and ends with it */
  bool is_binary;  /* of the message */
  bool compressed; /* the message is, with permessage-deflate */
};

/* Bytes that were received, and not read yet. */
struct reader_input {
  unsigned char *at;
  size_t len;
};

/* Takes what comes next from the front of `input`, and changes the bytes there.
 * As soon as there is a header there is a part, even if it is empty. Its `left`
 * tells how long the frame is: so a message that is too long can be refused
 * before it comes. */
enum reader_kind reader_next(struct reader *reader, struct reader_input *input,
                             struct reader_part *part);

/* Frees what the reader holds, also in the middle of a frame. */
void reader_free(struct reader *reader);

#endif
