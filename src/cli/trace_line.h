/* SPDX-License-Identifier: MIT
 * A line of a trace for people. */
#ifndef CLI_TRACE_LINE_H
#define CLI_TRACE_LINE_H

#include "base/buf.h"

#include <stdbool.h>

/* Appends what the line of JSON says, in a line or more; in colours if `color`.
 * What is no JSON is appended as it is. */
void trace_line_put(struct buf *out, const char *json, size_t len, bool color);

#endif
