/* SPDX-License-Identifier: MIT
 * Percent-encoding (RFC 3986, 2.1). */
#include "wire/escape.h"

static int escape_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of the escape at the front, or -1. */
static int escape_byte(struct slice text) {
  if (text.len < 3 || text.at[0] != '%')
    return -1;
  int high = escape_digit(text.at[1]), low = escape_digit(text.at[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

size_t escape_decode(struct slice text, bool form, char *out) {
  size_t len = 0;
  while (text.len > 0) {
    int byte = escape_byte(text);
    char c = text.at[0];
    if (byte >= 0)
      c = (char)byte;
    else if (form && c == '+')
      c = ' ';
    out[len++] = c;
    text = slice_after(text, byte >= 0 ? 3 : 1);
  }
  return len;
}

bool escape_equals(struct slice text, struct slice decoded) {
  while (text.len > 0 && decoded.len > 0) {
    int byte = escape_byte(text);
    char c = byte >= 0 ? (char)byte : text.at[0];
    if (c != decoded.at[0])
      return false;
    text = slice_after(text, byte >= 0 ? 3 : 1);
    decoded = slice_after(decoded, 1);
  }
  return text.len == 0 && decoded.len == 0;
}
