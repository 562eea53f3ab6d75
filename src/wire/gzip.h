/* SPDX-License-Identifier: MIT
 * Bodies of answers, compressed as a whole (RFC 9110, 8.4.1.3). */
#ifndef WIRE_GZIP_H
#define WIRE_GZIP_H

#include "base/buf.h"
#include "wire/slice.h"

struct gzip;

/* Memory for one body at a time: about 256 KiB. */
struct gzip *gzip_new(void);

/* Accepts NULL. */
void gzip_free(struct gzip *gzip);

/* Appends the compressed text. False, and nothing is appended, if that would
 * not be smaller. */
bool gzip_put(struct gzip *gzip, struct buf *out, struct slice text);

/* Whether an `Accept-Encoding` takes gzip; it must name it, or `*`. */
bool gzip_is_accepted(struct slice field);

#endif
