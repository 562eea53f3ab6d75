/* SPDX-License-Identifier: MIT
 * What a message to another machine is an effect of, as bytes that go with it.
 *
 * There it is known again by what is followed: a trace of the same user, room
 * or type that is on there shows its deliveries, and a collector gets them as
 * part of the same trace. */
#ifndef TRACE_FAR_H
#define TRACE_FAR_H

#include "base/attr.h"
#include "base/buf.h"
#include "wire/cause.h"
#include "wire/slice.h"

/* Appends it; nothing of NULL, or where nobody follows it. On a thread with a
 * tracer. */
void far_put(struct buf *out, const struct cause *cause);

/* Reads that; NULL: it is none. The caller is the one holder. */
MUST_CHECK struct cause *far_read(struct slice bytes);

/* The traces of this thread that it is followed by, wherever it began. */
uint32_t far_match(const struct cause *cause);

#endif
