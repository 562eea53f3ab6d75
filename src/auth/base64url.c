/* SPDX-License-Identifier: MIT
 * Base64 of URLs. */
#include "auth/base64url.h"

#include <limits.h>
#include <string.h>

/* The values of the digits, plus one; 0: it is none. */
static const unsigned char digits[256] = {
    ['-'] = 63, 0,  0,  53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 0,  0,  0,
    0,          0,  0,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
    13,         14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 0,  0,
    0,          0,  64, 0,  27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38,
    39,         40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52};

/* The 24 bits of four digits; UINT_MAX if one of them is none. */
static inline unsigned read_digits(const char *text) {
  unsigned a = digits[(unsigned char)text[0]];
  unsigned b = digits[(unsigned char)text[1]];
  unsigned c = digits[(unsigned char)text[2]];
  unsigned d = digits[(unsigned char)text[3]];
  if (!a || !b || !c || !d)
    return UINT_MAX;
  return (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
}

/* The last one to three digits: of the bits that make no byte none is set. */
static int decode_end(const char *text, size_t len, unsigned char *out) {
  char four[4] = {'A', 'A', 'A', 'A'}; /* zeros */
  memcpy(four, text, len);
  unsigned value = read_digits(four);
  if (len == 1 || value == UINT_MAX || value & (len == 2 ? 0xffff : 0xff))
    return -1;
  out[0] = (unsigned char)(value >> 16);
  if (len == 3)
    out[1] = (unsigned char)(value >> 8);
  return (int)len - 1;
}

int base64url_decode(const char *text, size_t len, unsigned char *out) {
  int n = 0;
  for (; len >= 4; text += 4, len -= 4) {
    unsigned value = read_digits(text);
    if (value == UINT_MAX)
      return -1;
    out[n++] = (unsigned char)(value >> 16);
    out[n++] = (unsigned char)(value >> 8);
    out[n++] = (unsigned char)value;
  }
  int more = len > 0 ? decode_end(text, len, out + n) : 0;
  return more < 0 ? -1 : n + more;
}

void base64url_put(struct buf *out, const void *bytes, size_t len) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789-_";
  const unsigned char *in = bytes;
  unsigned bits = 0, held = 0;
  for (size_t i = 0; i < len; i++) {
    held = (held << 8 | in[i]) & 0xffff;
    for (bits += 8; bits >= 6; bits -= 6)
      buf_putc(out, letters[held >> (bits - 6) & 63]);
  }
  if (bits > 0)
    buf_putc(out, letters[held << (6 - bits) & 63]);
}
