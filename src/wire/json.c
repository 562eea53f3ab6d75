/* SPDX-License-Identifier: MIT
 * JSON as RFC 8259 has it: checked, read in place, written.
 *
 * Every message passes through here. Most of its bytes are plain ASCII inside
 * strings, and json_run.h takes those a word at a time. Everything else goes
 * one by one.
 *
 * Recursion is bounded by JSON_MAX_DEPTH. */
#include "wire/json.h"

#include "base/err.h"
#include "base/utf8.h"
#include "wire/json_run.h"

#include <string.h>

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static int hex_value(char c) {
  if (is_digit(c))
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit that `\uXXXX` at `at` stands for, or -1. */
static int32_t code_unit(const char *at, const char *end) {
  int32_t unit = 0;
  if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
    return -1;
  for (int i = 2; i < 6; i++) {
    int value = hex_value(at[i]);
    if (value < 0)
      return -1;
    unit = unit * 16 + value;
  }
  return unit;
}

static bool is_surrogate(int32_t unit) {
  return (unit & 0xf800) == 0xd800;
}

/* The length of the escape (the whole of a surrogate pair) at the backslash
 * `at`; 0 when it is none. */
static size_t escape_len(const char *at, const char *end) {
  if (end - at < 2)
    return 0;
  if (at[1] != 'u')
    return at[1] != '\0' && strchr("\"\\/bfnrt", at[1]) ? 2 : 0;
  int32_t unit = code_unit(at, end);
  if (unit < 0)
    return 0;
  if (!is_surrogate(unit))
    return 6;
  int32_t low = code_unit(at + 6, end);
  return unit < 0xdc00 && low >= 0xdc00 && is_surrogate(low) ? 12 : 0;
}

int json_scan_rest(struct json_scan *scan, struct json_string *out) {
  for (;;) {
    const char *at = scan->at = json_run_plain(scan->at, scan->end);
    if (at == scan->end)
      return ERR_BAD_JSON;
    if (*at == '"')
      break;
    size_t n;
    if (*at == '\\') {
      n = escape_len(at, scan->end);
      out->escaped = true;
    } else {
      bool ascii = (unsigned char)*at < 0x80; /* a control character */
      n = ascii ? 0 : utf8_char(at, (size_t)(scan->end - at));
    }
    if (n == 0)
      return ERR_BAD_JSON;
    scan->at += n;
  }
  out->len = (size_t)(scan->at - out->text);
  scan->at++;
  return 0;
}

/* Passes digits; false when there is none. */
static bool take_digits(struct json_scan *scan) {
  const char *start = scan->at;
  while (scan->at < scan->end && is_digit(*scan->at))
    scan->at++;
  return scan->at > start;
}

int json_scan_number(struct json_scan *scan, bool *whole) {
  const char *start = scan->at;
  bool huge = false;
  *whole = true;
  json_take(scan, '-');
  if (!json_take(scan, '0') && !take_digits(scan))
    return ERR_BAD_JSON;
  if (json_take(scan, '.')) {
    *whole = false;
    if (!take_digits(scan))
      return ERR_BAD_JSON;
  }
  if (json_take(scan, 'e') || json_take(scan, 'E')) {
    *whole = false;
    huge = true;
    if (!json_take(scan, '-'))
      json_take(scan, '+');
    if (!take_digits(scan))
      return ERR_BAD_JSON;
  }
  if ((huge || scan->at - start > 308) && !json_is_finite(start, scan->at)) {
    scan->at = start;
    return ERR_BAD_JSON;
  }
  return 0;
}

int json_scan_word(struct json_scan *scan, const char *word) {
  for (; *word; word++)
    if (!json_take(scan, *word))
      return ERR_BAD_JSON;
  return 0;
}

static int skip_members(struct json_scan *scan, char close, int depth) {
  struct json_string key;
  if (depth > JSON_MAX_DEPTH)
    return ERR_BAD_JSON;
  int more = json_enter(scan, close);
  while (more > 0) {
    if (close == '}' && json_scan_key(scan, &key) != 0)
      return ERR_BAD_JSON;
    if (json_skip_value(scan, depth) != 0)
      return ERR_BAD_JSON;
    more = json_next(scan, close);
  }
  return more;
}

int json_skip_value(struct json_scan *scan, int depth) {
  struct json_string string;
  bool whole;
  if (scan->at == scan->end)
    return ERR_BAD_JSON;
  switch (*scan->at) {
  case '"':
    return json_scan_string(scan, &string);
  case '{':
    return skip_members(scan, '}', depth + 1);
  case '[':
    return skip_members(scan, ']', depth + 1);
  case 't':
    return json_scan_word(scan, "true");
  case 'f':
    return json_scan_word(scan, "false");
  case 'n':
    return json_scan_word(scan, "null");
  default:
    return json_scan_number(scan, &whole);
  }
}

int json_check(const char *text, size_t len, size_t *at) {
  struct json_scan scan = {text, text + len};
  json_skip_space(&scan);
  int err = json_skip_value(&scan, 0);
  if (err == 0) {
    json_skip_space(&scan);
    if (scan.at < scan.end)
      err = ERR_BAD_JSON;
  }
  if (err != 0 && at)
    *at = (size_t)(scan.at - text);
  return err;
}

/* Puts the UTF-8 of `c`, at most 4 bytes, and returns its length. The first
 * byte begins with as many ones as there are bytes. */
static size_t put_utf8(char *out, uint32_t c) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = n - 1; i > 0; i--, c >>= 6)
    out[i] = (char)(0x80 | (c & 0x3f));
  out[0] = (char)((0xf00 >> n & 0xff) | c);
  return n;
}

/* Puts the UTF-8 of a valid escape into `out` (4 bytes); returns its length
 * and moves `*at` past the escape. */
static size_t unescape(const char **at, const char *end, char *out) {
  static const char letters[] = "bfnrt", values[] = "\b\f\n\r\t";
  char c = (*at)[1];
  if (c != 'u') {
    const char *letter = strchr(letters, c);
    *out = letter ? values[letter - letters] : c;
    *at += 2;
    return 1;
  }
  uint32_t code = (uint32_t)code_unit(*at, end);
  *at += 6;
  if (is_surrogate((int32_t)code)) {
    uint32_t low = (uint32_t)code_unit(*at, end);
    code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
    *at += 6;
  }
  return put_utf8(out, code);
}

size_t json_unescape(const char *text, size_t len, char *out, size_t cap) {
  const char *at = text, *end = text + len;
  size_t used = 0;
  while (at < end) {
    char utf8[4];
    const char *from = at;
    size_t n;
    if (*at == '\\') {
      n = unescape(&at, end, utf8);
      from = utf8;
    } else {
      const char *stop = memchr(at, '\\', (size_t)(end - at));
      n = (size_t)((stop ? stop : end) - at);
      at += n;
    }
    if (used + n <= cap)
      memcpy(out + used, from, n);
    used += n;
  }
  return used;
}

static const char escaped[] = "\b\f\n\r\t\"\\";

size_t json_string_len(const char *text, size_t len) {
  const char *at = text, *end = text + len;
  size_t more = 2;
  while ((at = json_run_unescaped(at, end)) < end) {
    more += *at && strchr(escaped, *at) ? 1 : 5;
    at++;
  }
  return len + more;
}

static void put_escape(struct buf *out, char c) {
  static const char hex[] = "0123456789abcdef";
  static const char letters[] = "bfnrt\"\\";
  const char *code = c ? strchr(escaped, c) : NULL;
  char *at = buf_reserve(out, 6);
  *at++ = '\\';
  if (code) {
    *at = letters[code - escaped];
    out->len += 2;
    return;
  }
  memcpy(at, "u00", 3);
  at[3] = hex[c >> 4];
  at[4] = hex[c & 15];
  out->len += 6;
}

/* Puts the text in quotes; all of it is to be written as it is. */
static void put_unescaped(struct buf *out, const char *text, size_t len) {
  char *at = buf_reserve(out, len + 2);
  at[0] = '"';
  memcpy(at + 1, text, len);
  at[1 + len] = '"';
  out->len += len + 2;
}

bool json_put_plain(struct buf *out, const char *text, size_t len) {
  char *at = buf_reserve(out, len + 2);
  if (!json_copy_plain(at + 1, text, len))
    return false;
  at[0] = '"';
  at[len + 1] = '"';
  out->len += len + 2;
  return true;
}

void json_put_string(struct buf *out, const char *text, size_t len) {
  const char *at = text, *end = text + len;
  const char *stop = json_run_unescaped(at, end);
  if (stop == end) {
    put_unescaped(out, text, len);
    return;
  }
  buf_reserve(out, len + 2);
  buf_putc(out, '"');
  while (stop < end) {
    buf_put(out, at, (size_t)(stop - at));
    put_escape(out, *stop);
    at = stop + 1;
    stop = json_run_unescaped(at, end);
  }
  buf_put(out, at, (size_t)(stop - at));
  buf_putc(out, '"');
}

void json_put_any(struct buf *out, const char *text, size_t len) {
  struct buf mended = {0};
  if (utf8_valid(text, len)) {
    json_put_string(out, text, len);
    return;
  }
  for (size_t at = 0, next; at < len; at += next) {
    size_t good = utf8_char(text + at, len - at);
    next = good > 0 ? good : 1;
    buf_put(&mended, good > 0 ? text + at : "\xef\xbf\xbd",
            good > 0 ? good : 3);
  }
  json_put_string(out, mended.data, mended.len);
  buf_free(&mended);
}
