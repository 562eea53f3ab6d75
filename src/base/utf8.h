/* SPDX-License-Identifier: MIT
 * UTF-8 as RFC 3629 has it: nothing overlong, no surrogates, nothing beyond
 * U+10FFFF. The only place that knows.
 *
 * utf8_valid checks a whole text, utf8_char one character of it. utf8_feed
 * checks a text that comes in pieces: a character may begin in one piece and
 * end in the next. It refuses the text at the first byte that cannot be right,
 * whatever would follow. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether the bytes are UTF-8. */
bool utf8_valid(const char *text, size_t len);

/* The length of the character at the front of `text`, which is not empty: 1
 * for ASCII; 0 when it is not UTF-8, or cut off. */
size_t utf8_char(const char *text, size_t len);

/* Zeroed at the beginning of a text, and zero again between characters. */
struct utf8 {
  unsigned char left;      /* bytes that the character still needs */
  unsigned char low, high; /* what the next of them may be */
};

/* Reads the next piece. Returns false when the text cannot be UTF-8, whatever
 * follows; the state is of no use then. */
MUST_CHECK bool utf8_feed(struct utf8 *utf8, const char *text, size_t len);

/* Whether a text may end here. */
static inline bool utf8_is_whole(const struct utf8 *utf8) {
  return utf8->left == 0;
}

#endif
