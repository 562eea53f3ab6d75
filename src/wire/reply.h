/* SPDX-License-Identifier: MIT
 * The head of an HTTP answer: its first lines, and fields that others say.
 *
 * A field that a script or a table names goes into the head only when it cannot
 * become anything else there: a CR or LF in a value would end the field, and
 * the rest would be whatever its author likes. */
#ifndef WIRE_REPLY_H
#define WIRE_REPLY_H

#include "base/buf.h"
#include "wire/slice.h"

/* Appends the status line and `Date`. */
void reply_begin(struct buf *out, unsigned status);

/* Why a field may not be in an answer: a static text, such as "is the server's
 * own". NULL: it may. */
const char *reply_field_fault(struct slice name, struct slice value);

/* Appends the line of a field that may be there. */
void reply_field(struct buf *out, struct slice name, struct slice value);

/* Looks for a field among such lines, in upper or lower case. False: it is not
 * there. `value` may be NULL. */
bool reply_has_field(struct slice fields, const char *name,
                     struct slice *value);

#endif
