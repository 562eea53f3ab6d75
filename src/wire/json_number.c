/* SPDX-License-Identifier: MIT
 * Numbers of JSON. */
#include "wire/json_number.h"

#include "base/err.h"
#include "base/mem.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of the digits of an exponent; what is large enough is large. */
static int64_t exponent(const char *at, const char *end) {
  int64_t value = 0;
  bool negative = *at == '-';
  for (at += *at == '-' || *at == '+'; at < end; at++)
    if (value < INT64_C(1000000000000000))
      value = value * 10 + (*at - '0');
  return negative ? -value : value;
}

/* The number is 0.DDD × 10^power with a first D other than 0. The largest
 * double is 0.17976931348623157(08…) × 10^309, and what rounds to it goes on to
 * half a step above: 0.17976931348623158(07…) × 10^309. What has these 17
 * digits is left to strtod. */
bool json_is_finite(const char *start, const char *end) {
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
