/* SPDX-License-Identifier: MIT
 * JSON as RFC 8259 has it: checked byte by byte, read in place, written.
 *
 * Every message passes through here, and most of its bytes are plain ASCII
 * inside strings. Those are taken a word of 8 or 16 at a time: `specials` marks
 * in it the bytes that end a plain run. Everything else goes one by one.
 *
 * Recursion is bounded by JSON_MAX_DEPTH. */
#include "wire/json.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <endian.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* `specials` and `foreign` look at a word of bytes at once and mark those that
 * are control characters, quotes or backslashes, and those that are not ASCII;
 * `first` is the index of the first one that is marked. */
#ifdef __SSE2__

enum { WORD = sizeof(__m128i) };

static __m128i load(const char *at) {
  return _mm_loadu_si128((const __m128i *)at);
}

static uint64_t specials(const char *at) {
  __m128i word = load(at), top = _mm_set1_epi8(0x1f);
  __m128i control = _mm_cmpeq_epi8(_mm_max_epu8(word, top), top);
  __m128i quote = _mm_cmpeq_epi8(word, _mm_set1_epi8('"'));
  __m128i backslash = _mm_cmpeq_epi8(word, _mm_set1_epi8('\\'));
  __m128i marks = _mm_or_si128(control, _mm_or_si128(quote, backslash));
  return (uint64_t)_mm_movemask_epi8(marks);
}

static uint64_t foreign(const char *at) {
  return (uint64_t)_mm_movemask_epi8(load(at));
}

static int first(uint64_t marks) {
  return __builtin_ctzll(marks);
}

#else

enum { WORD = sizeof(uint64_t) };

/* The same byte eight times. */
#define BYTES(b) (UINT64_C(0x0101010101010101) * (b))

/* Eight bytes, the first of them the lowest. */
static uint64_t load(const char *at) {
  uint64_t word;
  memcpy(&word, at, WORD);
  return le64toh(word);
}

/* By the top bit of each byte. A subtraction may borrow from the bytes after a
 * marked one and mark those wrongly: only the first mark counts. */
static uint64_t specials(const char *at) {
  uint64_t word = load(at);
  uint64_t control = word - BYTES(0x20);
  uint64_t quote = (word ^ BYTES('"')) - BYTES(1);
  uint64_t backslash = (word ^ BYTES('\\')) - BYTES(1);
  return (control | quote | backslash) & ~word & BYTES(0x80);
}

static uint64_t foreign(const char *at) {
  return load(at) & BYTES(0x80);
}

static int first(uint64_t marks) {
  return __builtin_ctzll(marks) / 8;
}

#endif

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

typedef uint64_t marks_fn(const char *at);

/* The first byte from `at` that is marked, or `end`. Inline, so that each use
 * is a loop without calls. What is left at the end is looked at together with
 * what was passed before it, which has no marks; a text that is shorter than
 * a word, in a copy. */
static inline const char *skip(const char *at, const char *end,
                               marks_fn *marks_of) {
  char rest[WORD] = {0};
  uint64_t marks = 0;
  const char *start = at;
  for (; end - at >= WORD; at += WORD)
    if ((marks = marks_of(at)))
      return at + first(marks);
  if (at == end)
    return end;
  if (end - start >= WORD) {
    at = end - WORD;
    marks = marks_of(at);
    return marks ? at + first(marks) : end;
  }
  for (int i = 0; i < end - at; i++)
    rest[i] = at[i];
  marks = marks_of(rest);
  return marks && first(marks) < end - at ? at + first(marks) : end;
}

static uint64_t not_plain(const char *at) {
  return specials(at) | foreign(at);
}

/* The end of the run of plain ASCII that begins at `at`. */
static const char *skip_plain(const char *at, const char *end) {
  return skip(at, end, not_plain);
}

/* The same, where other characters than ASCII are plain too. */
static const char *skip_unescaped(const char *at, const char *end) {
  return skip(at, end, specials);
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

int json_scan_string(struct json_scan *scan, struct json_string *out) {
  if (scan->at == scan->end || *scan->at != '"')
    return ERR_BAD_JSON;
  out->text = ++scan->at;
  out->escaped = false;
  for (;;) {
    const char *at = scan->at = skip_plain(scan->at, scan->end);
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

/* Passes `c` if that comes next. */
static bool take(struct json_scan *scan, char c) {
  if (scan->at == scan->end || *scan->at != c)
    return false;
  scan->at++;
  return true;
}

/* Passes digits; false when there is none. */
static bool take_digits(struct json_scan *scan) {
  const char *start = scan->at;
  while (scan->at < scan->end && is_digit(*scan->at))
    scan->at++;
  return scan->at > start;
}

/* The value of the digits of an exponent; what is large enough is large. */
static int64_t exponent(const char *at, const char *end) {
  int64_t value = 0;
  bool negative = *at == '-';
  for (at += *at == '-' || *at == '+'; at < end; at++)
    if (value < INT64_C(1000000000000000))
      value = value * 10 + (*at - '0');
  return negative ? -value : value;
}

/* Whether a number rounds to a finite double.
 *
 * It is 0.DDD × 10^power with a first D other than 0. The largest double is
 * 0.17976931348623157(08…) × 10^309, and what rounds to it goes on to half a
 * step above: 0.17976931348623158(07…) × 10^309. What has these 17 digits is
 * left to strtod. */
static bool is_finite(const char *start, const char *end) {
  static const uint64_t MOST = 17976931348623158;
  const char *at = start;
  uint64_t digits = 0;
  int count = 0, fraction = 0;
  int64_t power = 0;
  for (; at < end && *at != 'e' && *at != 'E'; at++) {
    if (*at == '.') {
      fraction = 1;
    } else if (count == 0 && (*at == '0' || *at == '-')) {
      power -= fraction;
    } else {
      power += !fraction;
      if (count < 17) {
        digits = digits * 10 + (uint64_t)(*at - '0');
        count++;
      }
    }
  }
  if (at < end)
    power += exponent(at + 1, end);
  for (; count < 17; count++)
    digits *= 10;
  if (digits == 0 || power < 309)
    return true;
  if (power > 309 || digits > MOST)
    return false;
  return digits < MOST ||
         isfinite(json_to_double(start, (size_t)(end - start)));
}

int json_scan_number(struct json_scan *scan, bool *whole) {
  const char *start = scan->at;
  bool huge = false;
  *whole = true;
  take(scan, '-');
  if (!take(scan, '0') && !take_digits(scan))
    return ERR_BAD_JSON;
  if (take(scan, '.')) {
    *whole = false;
    if (!take_digits(scan))
      return ERR_BAD_JSON;
  }
  if (take(scan, 'e') || take(scan, 'E')) {
    *whole = false;
    huge = true;
    if (!take(scan, '-'))
      take(scan, '+');
    if (!take_digits(scan))
      return ERR_BAD_JSON;
  }
  if ((huge || scan->at - start > 308) && !is_finite(start, scan->at)) {
    scan->at = start;
    return ERR_BAD_JSON;
  }
  return 0;
}

int json_scan_word(struct json_scan *scan, const char *word) {
  for (; *word; word++)
    if (!take(scan, *word))
      return ERR_BAD_JSON;
  return 0;
}

int json_enter(struct json_scan *scan, char close) {
  scan->at++;
  json_skip_space(scan);
  return take(scan, close) ? 0 : 1;
}

int json_next(struct json_scan *scan, char close) {
  json_skip_space(scan);
  if (take(scan, close))
    return 0;
  if (!take(scan, ','))
    return ERR_BAD_JSON;
  json_skip_space(scan);
  return 1;
}

int json_scan_key(struct json_scan *scan, struct json_string *key) {
  if (json_scan_string(scan, key) != 0)
    return ERR_BAD_JSON;
  json_skip_space(scan);
  if (!take(scan, ':'))
    return ERR_BAD_JSON;
  json_skip_space(scan);
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

bool json_to_int(const char *text, size_t len, int64_t *out) {
  bool negative = *text == '-';
  uint64_t limit = (uint64_t)INT64_MAX + negative, value = 0;
  for (size_t i = negative; i < len; i++) {
    uint64_t digit = (uint64_t)(text[i] - '0');
    if (value > (limit - digit) / 10)
      return false;
    value = value * 10 + digit;
  }
  *out = (int64_t)(negative ? 0 - value : value);
  return true;
}

double json_to_double(const char *text, size_t len) {
  char small[64]; /* strtod wants a zero at the end */
  char *copy = len < sizeof(small) ? small : mem_alloc_raw(len + 1);
  memcpy(copy, text, len);
  copy[len] = '\0';
  double value = strtod(copy, NULL);
  if (copy != small)
    mem_free(copy);
  return value;
}

static const char escaped[] = "\b\f\n\r\t\"\\";

size_t json_string_len(const char *text, size_t len) {
  const char *at = text, *end = text + len;
  size_t more = 2;
  while ((at = skip_unescaped(at, end)) < end) {
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

void json_put_string(struct buf *out, const char *text, size_t len) {
  const char *at = text, *end = text + len;
  buf_reserve(out, len + 2);
  buf_putc(out, '"');
  for (;;) {
    const char *stop = skip_unescaped(at, end);
    buf_put(out, at, (size_t)(stop - at));
    if (stop == end)
      break;
    put_escape(out, *stop);
    at = stop + 1;
  }
  buf_putc(out, '"');
}

void json_put_int(struct buf *out, int64_t value) {
  char digits[20], *at = digits + sizeof(digits);
  uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do {
    *--at = (char)('0' + left % 10);
    left /= 10;
  } while (left);
  if (value < 0)
    *--at = '-';
  buf_put(out, at, (size_t)(digits + sizeof(digits) - at));
}

int json_put_double(struct buf *out, double value) {
  char text[32];
  if (!isfinite(value))
    return ERR_BAD_JSON;
  if (fabs(value) < 1e15 && value == floor(value) && !signbit(value)) {
    json_put_int(out, (int64_t)value);
    buf_put(out, ".0", 2);
    return 0;
  }
  /* What is smaller than DBL_MIN has fewer digits, down to one. */
  int least = fabs(value) < DBL_MIN ? 1 : 15;
  for (int precision = least; precision <= 17; precision++) {
    snprintf(text, sizeof(text), "%.*g", precision, value);
    if (strtod(text, NULL) == value)
      break;
  }
  buf_puts(out, text);
  if (!strpbrk(text, ".e"))
    buf_put(out, ".0", 2);
  return 0;
}
