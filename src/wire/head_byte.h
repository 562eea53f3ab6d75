/* SPDX-License-Identifier: MIT
 * Which byte may stand where in the head of a request. */
#ifndef WIRE_HEAD_BYTE_H
#define WIRE_HEAD_BYTE_H

#include "wire/slice.h"

/* Classes; a byte may be in several. */
enum {
  HEAD_TOKEN = 1,  /* RFC 9110, 5.6.2 */
  HEAD_TARGET = 2, /* of a request: visible, but no fragment (RFC 9112, 3.2) */
  HEAD_VALUE = 4,  /* of a field, with the blanks in it (RFC 9110, 5.5) */
  HEAD_HOST = 8,   /* name, address, port (RFC 3986, 3.2.2) */
  HEAD_DIGIT = 16,
};

/* Whether the byte is in one of these classes. */
bool head_byte_is(char c, unsigned class);

/* How many bytes at the front of `text` are in one of these classes. */
size_t head_span(struct slice text, unsigned class);

#endif
