/* SPDX-License-Identifier: MIT
 * The body of an HTTP/1.x request, as it comes (RFC 9112, 6 and 7): of a length
 * that was announced, or in chunks. It is as strict as wire/request, for the
 * same reason: a chunk whose size two readers read differently hides a request.
 *
 * It holds nothing of the body. The content comes out in pieces of the bytes
 * that were put in. */
#ifndef WIRE_BODY_H
#define WIRE_BODY_H

#include "wire/request.h"

enum {
  BODY_LINE_MAX = 256,     /* of a chunk's size, with its extensions */
  BODY_TRAILER_MAX = 4096, /* of the fields behind the last chunk; dropped */
};

enum body_result {
  BODY_MORE,  /* it goes on: more bytes are needed, if none are left */
  BODY_DONE,  /* it has ended; what is left belongs to the next request */
  BODY_BAD,   /* these are no chunks */
  BODY_LARGE, /* it has more content than it may */
};

struct body {
  int state;     /* enum body_state */
  size_t left;   /* content until the end of this chunk, or of all of it */
  size_t room;   /* content that may still come */
  unsigned line; /* bytes of a line of the chunks so far, or of the trailer */
};

/* The body that the head announces begins; `max` bytes of content at most. */
void body_begin(struct body *body, const struct request *request, size_t max);

/* Takes bytes from the front of `in`. `out` gets a piece of the content, which
 * may be empty. Call it again while bytes are left in `in` and the result is
 * BODY_MORE; call it also for a request without a body, and with an empty `in`.
 */
MUST_CHECK enum body_result body_read(struct body *body, struct slice *in,
                                      struct slice *out);

#endif
