/* SPDX-License-Identifier: MIT
 * UTF-8, whole and in pieces. */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

enum { WORD = 8 };

static const char *skip_ascii(const char *at, const char *end) {
  uint64_t word;
  for (; end - at >= WORD; at += WORD) {
    memcpy(&word, at, WORD);
    if (word & 0x8080808080808080)
      break;
  }
  while (at < end && (unsigned char)*at < 0x80)
    at++;
  return at;
}

/* --- whole --------------------------------------------------------------- */

static bool is_tail(unsigned char c) {
  return (c & 0xc0) == 0x80;
}

/* Of the second byte: whether the first would be overlong, a surrogate or
 * beyond the last character with it. */
static bool is_out_of_range(unsigned char first, unsigned char second) {
  switch (first) {
  case 0xe0:
    return second < 0xa0;
  case 0xed:
    return second >= 0xa0;
  case 0xf0:
    return second < 0x90;
  case 0xf4:
    return second >= 0x90;
  default:
    return false;
  }
}

size_t utf8_char(const char *text, size_t len) {
  const unsigned char *s = (const unsigned char *)text;
  if (s[0] < 0x80)
    return 1;
  size_t n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
  if (s[0] < 0xc2 || s[0] > 0xf4 || len < n || !is_tail(s[1]) ||
      is_out_of_range(s[0], s[1]))
    return 0;
  if ((n > 2 && !is_tail(s[2])) || (n > 3 && !is_tail(s[3])))
    return 0;
  return n;
}

bool utf8_valid(const char *text, size_t len) {
  const char *at = text, *end = text + len;
  while ((at = skip_ascii(at, end)) < end) {
    size_t n = utf8_char(at, (size_t)(end - at));
    if (n == 0)
      return false;
    at += n;
  }
  return true;
}

/* --- in pieces ------------------------------------------------------------ */

/* The first byte of a character that has more. It bounds the second byte: an
 * overlong form, a surrogate or too large a number is known by then. */
static bool begin_char(struct utf8 *utf8, unsigned char c) {
  if (c < 0xc2 || c > 0xf4)
    return false;
  utf8->left = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
  utf8->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
  utf8->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
  return true;
}

static bool continue_char(struct utf8 *utf8, unsigned char c) {
  if (c < utf8->low || c > utf8->high)
    return false;
  utf8->left--;
  utf8->low = 0x80;
  utf8->high = 0xbf;
  return true;
}

bool utf8_feed(struct utf8 *utf8, const char *text, size_t len) {
  const char *at = text, *end = text + len;
  while (at < end) {
    unsigned char c = (unsigned char)*at;
    if (utf8->left > 0 ? !continue_char(utf8, c)
                       : c >= 0x80 && !begin_char(utf8, c))
      return false;
    at++;
    if (utf8->left == 0)
      at = skip_ascii(at, end);
  }
  return true;
}
