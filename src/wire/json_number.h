/* SPDX-License-Identifier: MIT
 * Numbers of JSON: what a scanned one is worth, and how one is written.
 *
 * They need LC_NUMERIC "C", which is what a process starts with. */
#ifndef WIRE_JSON_NUMBER_H
#define WIRE_JSON_NUMBER_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the number from `start` to `end`, which has the form of one, rounds
 * to a finite double. */
bool json_is_finite(const char *start, const char *end);

/* The value of a scanned whole number, of which -0 is 0; false when int64 does
 * not hold it. */
MUST_CHECK bool json_to_int(const char *text, size_t len, int64_t *out);

/* The value of any scanned number; never infinite. */
double json_to_double(const char *text, size_t len);

void json_put_int(struct buf *out, int64_t value);

/* Appends the shortest text that reads back as this double, and as a number
 * with a fraction: 5 is written "5.0". ERR_BAD_JSON for NaN and infinity:
 * nothing was appended. */
MUST_CHECK int json_put_double(struct buf *out, double value);

#endif
