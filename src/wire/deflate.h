/* SPDX-License-Identifier: MIT
 * Messages compressed by permessage-deflate (RFC 7692), each on its own.
 *
 * A message never refers to an earlier one ("no context takeover"). So it is
 * compressed once, however many connections receive it. And zlib needs one
 * state for a worker, not one of 300 KiB for each connection. The price: what
 * messages have in common is sent again. */
#ifndef WIRE_DEFLATE_H
#define WIRE_DEFLATE_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/stats.h"
#include "wire/frame.h"

/* The window of what is sent, as a power of two: 32 KiB. */
enum { DEFLATE_WINDOW_BITS = 15 };

/* Only one thread may use it. */
struct deflate;

/* `level` is zlib's, 1 (fast) to 9 (small). Messages of fewer than `threshold`
 * bytes stay as they are. `stats` is borrowed. */
MUST_CHECK struct deflate *deflate_new(int level, size_t threshold,
                                       struct stats *stats);

/* Accepts NULL. */
void deflate_free(struct deflate *state);

/* Returns what to send to a peer that understands compressed messages: the twin
 * of `frame`, which is made when it is first asked for; or `frame` itself, when
 * it is short, would not get smaller, or is a control frame. Borrowed: it lives
 * as long as `frame`. */
struct frame *deflate_frame(struct deflate *state, struct frame *frame);

/* Appends the text of a compressed message to `out`, whose data is not NULL
 * then. Returns 0; ERR_TOO_LARGE when the text has more than `limit` bytes, and
 * no more than that was inflated; ERR_BAD_REQUEST when the message is corrupt
 * or has no end. */
MUST_CHECK int deflate_inflate(struct deflate *state, const void *data,
                               size_t len, size_t limit, struct buf *out);

/* Returns in words what was wrong with the last corrupt message. */
const char *deflate_fault(const struct deflate *state);

#endif
