/* SPDX-License-Identifier: MIT
 * Messages compressed by permessage-deflate (RFC 7692), each on its own.
 *
 * Nothing ever refers to an earlier message ("no context takeover"): so a
 * message is compressed once, however many connections receive it, and zlib
 * needs one state for a worker instead of one for each connection, which
 * would be 300 KiB. What is lost is what messages have in common. */
#ifndef WIRE_DEFLATE_H
#define WIRE_DEFLATE_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/stats.h"
#include "wire/frame.h"

/* The window of what is sent, as a power of two: 32 KiB. */
enum { DEFLATE_WINDOW_BITS = 15 };

/* One thread's; used by no other. */
struct deflate;

/* `level` is zlib's, 1 (fast) to 9 (small). Messages of fewer than `threshold`
 * bytes stay as they are. `stats` is borrowed. */
MUST_CHECK struct deflate *deflate_new(int level, size_t threshold,
                                       struct stats *stats);

/* Accepts NULL. */
void deflate_free(struct deflate *state);

/* What a peer that understands compressed messages should be sent instead of
 * `frame`: its twin, which is made when it is first asked for, or the frame
 * itself if that is short, would not get smaller, or is a control frame.
 * Borrowed: it lives as long as `frame`. */
struct frame *deflate_frame(struct deflate *state, struct frame *frame);

/* Appends the text of a compressed message to `out` (never NULL data).
 * ERR_TOO_LARGE if it has more than `limit` bytes: no more than that was
 * inflated; ERR_BAD_REQUEST if it is corrupt or has no end. */
MUST_CHECK int deflate_inflate(struct deflate *state, const void *data,
                               size_t len, size_t limit, struct buf *out);

/* What was wrong with the last message that was corrupt, in words. */
const char *deflate_fault(const struct deflate *state);

#endif
