/* SPDX-License-Identifier: MIT
 * Base64 of URLs. */
#include "auth/base64url.h"

#include <stdbool.h>

static int digit_of(char c) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int base64url_decode(const char *text, size_t len, unsigned char *out) {
  unsigned bits = 0, held = 0;
  int n = 0;
  for (size_t i = 0; i < len; i++) {
    int digit = digit_of(text[i]);
    if (digit < 0)
      return -1;
    held = (held << 6 | (unsigned)digit) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[n++] = (unsigned char)(held >> bits);
    }
  }
  bool clean = bits < 6 && (held & ((1u << bits) - 1)) == 0;
  return clean ? n : -1;
}

void base64url_put(struct buf *out, const void *bytes, size_t len) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789-_";
  const unsigned char *in = bytes;
  unsigned bits = 0, held = 0;
  for (size_t i = 0; i < len; i++) {
    held = (held << 8 | in[i]) & 0xffff;
    for (bits += 8; bits >= 6; bits -= 6)
      buf_putc(out, digits[held >> (bits - 6) & 63]);
  }
  if (bits > 0)
    buf_putc(out, digits[held << (6 - bits) & 63]);
}
