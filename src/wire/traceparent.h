/* SPDX-License-Identifier: MIT
 * `traceparent` of W3C Trace Context: which trace a request belongs to, and
 * which span of it has made the request. */
#ifndef WIRE_TRACEPARENT_H
#define WIRE_TRACEPARENT_H

#include "base/attr.h"
#include "wire/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
  TRACEPARENT_TRACE = 32, /* digits */
  TRACEPARENT_SPAN = 16,
  TRACEPARENT_BYTES = 55,
};

struct traceparent {
  char trace[TRACEPARENT_TRACE + 1]; /* empty: there is none */
  char span[TRACEPARENT_SPAN + 1];
  char flags[3];
};

/* Reads the text. False, and `out` is empty, if it is none: then it counts as
 * not there, as the specification wants. A version after 00 may go on behind
 * what is known. */
bool traceparent_read(struct slice text, struct traceparent *out);

/* Writes it with another span. */
void traceparent_write(const struct traceparent *parent, uint64_t span,
                       char out[TRACEPARENT_BYTES + 1]);

#endif
