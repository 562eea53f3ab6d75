/* SPDX-License-Identifier: MIT
 * %XX in the targets of requests. */
#ifndef WIRE_ESCAPE_H
#define WIRE_ESCAPE_H

#include "wire/slice.h"

/* Writes what the text stands for into `out`, which has `text.len` bytes and
 * gets no zero. Returns its length. An escape that is none stays as it is.
 * `form`: a plus is a blank, as in a query. */
size_t escape_decode(struct slice text, bool form, char *out);

/* Whether that is this text. */
bool escape_equals(struct slice text, struct slice decoded);

#endif
