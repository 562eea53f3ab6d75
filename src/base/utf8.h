/* SPDX-License-Identifier: MIT
 * UTF-8 that comes in pieces: a character may begin in one and end in the
 * next. What is whole already is checked faster by wire/json.
 *
 * As RFC 3629 has it: nothing overlong, no surrogates, nothing beyond
 * U+10FFFF. A text is given up at the first byte that cannot be right,
 * however it may go on. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/* Zeroed at the beginning of a text, and zero again between characters. */
struct utf8 {
  unsigned char left;      /* bytes that the character still needs */
  unsigned char low, high; /* what the next of them may be */
};

/* Reads the next piece. False if it cannot be UTF-8, whatever follows; the
 * state says nothing any more then. */
MUST_CHECK bool utf8_feed(struct utf8 *utf8, const char *text, size_t len);

/* Whether a text may end here. */
static inline bool utf8_is_whole(const struct utf8 *utf8) {
  return utf8->left == 0;
}

#endif
