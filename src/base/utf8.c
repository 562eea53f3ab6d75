/* SPDX-License-Identifier: MIT
 * UTF-8 in pieces. */
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

/* The first byte of a character that has more. It bounds the second byte: an
 * overlong form, a surrogate or too large a number is known by then. */
static bool begin(struct utf8 *utf8, unsigned char c) {
  if (c < 0xc2 || c > 0xf4)
    return false;
  utf8->left = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
  utf8->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
  utf8->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
  return true;
}

static bool go_on(struct utf8 *utf8, unsigned char c) {
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
    if (utf8->left > 0 ? !go_on(utf8, c) : c >= 0x80 && !begin(utf8, c))
      return false;
    at++;
    if (utf8->left == 0)
      at = skip_ascii(at, end);
  }
  return true;
}
