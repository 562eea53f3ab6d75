/* SPDX-License-Identifier: MIT
 * Tests of wire/json. Texts are copied into blocks of exactly their size, so
 * that AddressSanitizer sees a byte read too far. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "wire/json.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
  const char *bytes;
  size_t len;
};

#define TEXT(s)                                                                \
  { s, sizeof(s) - 1 }

static int check(const char *text, size_t len, size_t *at) {
  char *copy = malloc(len ? len : 1);
  memcpy(copy, text, len);
  int err = json_check(len ? copy : copy + 1, len, at);
  free(copy);
  return err;
}

static const struct text accepted[] = {
    TEXT("null"),
    TEXT("true"),
    TEXT("false"),
    TEXT(" \t\r\n1 \t\r\n"),
    TEXT("0"),
    TEXT("-0"),
    TEXT("-0.0e-0"),
    TEXT("10"),
    TEXT("1.5"),
    TEXT("1e5"),
    TEXT("1E+5"),
    TEXT("1e-05"),
    TEXT("123456789012345678901"),
    TEXT("1e308"),
    TEXT("1.7976931348623157e308"),
    TEXT("1.7976931348623158e308"),
    TEXT("-17976931348623158e292"),
    TEXT("1.797693134862315807e308"),
    TEXT("1.7976931348623158079372897140530341507993413271003782693617377898"
         "044496829276475094664901797758720709633028641669288791094655554785194"
         "040263065748867150582068e308"), /* just below half a step */
    TEXT("1e-999999999999999999"),
    TEXT("0e999999999999999999999"),
    TEXT("0.0001e312"),
    TEXT("\"\""),
    TEXT("\"a\""),
    TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    TEXT("\"\\u0000\\u00e9\\uFFFF\""),
    TEXT("\"\\ud800\\udc00\""),
    TEXT("\"\\uDBFF\\uDFFF\""),
    TEXT("\"\x7f\""),
    TEXT("\"\xc2\x80\""),
    TEXT("\"\xdf\xbf\""),
    TEXT("\"\xe0\xa0\x80\""),
    TEXT("\"\xed\x9f\xbf\""),
    TEXT("\"\xee\x80\x80\""),
    TEXT("\"\xef\xbf\xbf\""),
    TEXT("\"\xf0\x90\x80\x80\""),
    TEXT("\"\xf4\x8f\xbf\xbf\""),
    TEXT("\"12345678\""),
    TEXT("\"1234567\xc3\xa9 and so on\""),
    TEXT("[]"),
    TEXT("[ ]"),
    TEXT("{}"),
    TEXT("{ }"),
    TEXT("[1,2]"),
    TEXT("[ 1 , 2 ]"),
    TEXT("{\"a\":1,\"a\":2}"),
    TEXT("{ \"a\" : [ { } , null ] }"),
    TEXT("{\"\":\"\"}"),
    TEXT("[[],[[]],{\"a\":{}}]"),
};

static void accepts(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(accepted); i++)
    if (check(accepted[i].bytes, accepted[i].len, NULL) != 0)
      fail_msg("refused: %s", accepted[i].bytes);
}

/* The number is the offset of what is wrong. */
static const struct refused {
  struct text text;
  size_t at;
} refused[] = {
    {TEXT(""), 0},
    {TEXT(" "), 1},
    {TEXT("nul"), 3},
    {TEXT("nulx"), 3},
    {TEXT("nullx"), 4},
    {TEXT("True"), 0},
    {TEXT("NaN"), 0},
    {TEXT("Infinity"), 0},
    {TEXT("-Infinity"), 1},
    {TEXT("undefined"), 0},
    {TEXT("01"), 1},
    {TEXT("-01"), 2},
    {TEXT("1."), 2},
    {TEXT("1.e5"), 2},
    {TEXT(".5"), 0},
    {TEXT("+1"), 0},
    {TEXT("-"), 1},
    {TEXT("--1"), 1},
    {TEXT("0x10"), 1},
    {TEXT("1e"), 2},
    {TEXT("1e+"), 3},
    {TEXT("1e5.5"), 3},
    {TEXT("1_000"), 1},
    {TEXT("[1e309]"), 1},
    {TEXT("[-1e400]"), 1},
    {TEXT("1.7976931348623159e308"), 0},
    {TEXT("1.7976931348623158079372897140530341507993413271003782693617377898"
          "04449682927647509466490179775872070963302864166928879109465555478519"
          "4040263065748867150582069e308"),
     0}, /* half a step, and more */
    {TEXT("1e99999999999999999999999"), 0},
    {TEXT("1 2"), 2},
    {TEXT("1,"), 1},
    {TEXT("1\0"), 1},
    {TEXT("// a\n1"), 0},
    {TEXT("\xef\xbb\xbf"
          "1"),
     0},
    {TEXT("\""), 1},
    {TEXT("\"abc"), 4},
    {TEXT("'a'"), 0},
    {TEXT("\"a\nb\""), 2},
    {TEXT("\"a\tb\""), 2},
    {TEXT("\"a\0b\""), 2},
    {TEXT("\"\x1f\""), 1},
    {TEXT("\"\\\""), 3},
    {TEXT("\"\\a\""), 1},
    {TEXT("\"\\'\""), 1},
    {TEXT("\"\\\0\""), 1},
    {TEXT("\"\\x41\""), 1},
    {TEXT("\"\\u12\""), 1},
    {TEXT("\"\\u123g\""), 1},
    {TEXT("\"\\U0041\""), 1},
    {TEXT("\"\\ud800\""), 1},
    {TEXT("\"\\udc00\""), 1},
    {TEXT("\"\\ud800\\u0041\""), 1},
    {TEXT("\"\\ud800\\ud800\""), 1},
    {TEXT("\"\\udc00\\ud800\""), 1},
    {TEXT("\"\\ud800udc00\""), 1},
    {TEXT("\"\x80\""), 1},
    {TEXT("\"\xbf\""), 1},
    {TEXT("\"\xc0\x80\""), 1},
    {TEXT("\"\xc1\xbf\""), 1},
    {TEXT("\"\xc3\""), 1},
    {TEXT("\"\xe0\x9f\xbf\""), 1},
    {TEXT("\"\xe2\x82\""), 1},
    {TEXT("\"\xed\xa0\x80\""), 1},
    {TEXT("\"\xed\xbf\xbf\""), 1},
    {TEXT("\"\xf0\x8f\xbf\xbf\""), 1},
    {TEXT("\"\xf0\x9f\x98\""), 1},
    {TEXT("\"\xf4\x90\x80\x80\""), 1},
    {TEXT("\"\xf5\x80\x80\x80\""), 1},
    {TEXT("\"\xff\""), 1},
    {TEXT("\"12345678\x80\""), 9},
    {TEXT("["), 1},
    {TEXT("]"), 0},
    {TEXT("[1"), 2},
    {TEXT("[1,"), 3},
    {TEXT("[1,]"), 3},
    {TEXT("[,1]"), 1},
    {TEXT("[1 2]"), 3},
    {TEXT("[1}"), 2},
    {TEXT("[]]"), 2},
    {TEXT("{"), 1},
    {TEXT("{]"), 1},
    {TEXT("{\"a\"}"), 4},
    {TEXT("{\"a\":}"), 5},
    {TEXT("{\"a\":1"), 6},
    {TEXT("{\"a\":1,}"), 7},
    {TEXT("{\"a\":1 \"b\":2}"), 7},
    {TEXT("{\"a\" 1}"), 5},
    {TEXT("{a:1}"), 1},
    {TEXT("{1:1}"), 1},
    {TEXT("{,}"), 1},
    {TEXT("{\"a\":1]"), 6},
    {TEXT("{\"a\"::1}"), 5},
};

static void refuses(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
    size_t at = 12345;
    struct text text = refused[i].text;
    if (check(text.bytes, text.len, &at) != ERR_BAD_JSON)
      fail_msg("accepted: %s", text.bytes);
    if (at != refused[i].at)
      fail_msg("%s: wrong at %zu, not %zu", text.bytes, at, refused[i].at);
  }
}

/* Every beginning of an object is refused, at its end at the latest. */
static void refuses_every_truncation(void **state) {
  static const char text[] =
      "{\"k\":[1,-2.5e+3,true,false,null,\"\\ud83d\\ude00\\n\"],"
      "\"\xd1\x8f\xe2\x82\xac\xf0\x9f\x98\x80\":{\"long enough key\":\"and a "
      "value of more than one word\"},\"e\":[],\"o\":{}}";
  size_t at;
  (void)state;
  assert_int_equal(check(text, sizeof(text) - 1, NULL), 0);
  for (size_t len = 0; len < sizeof(text) - 1; len++) {
    assert_int_equal(check(text, len, &at), ERR_BAD_JSON);
    assert_true(at <= len);
  }
}

static void counts_depth(void **state) {
  enum { DEEP = 200000 };
  char *text = mem_alloc_raw(DEEP);
  size_t at;
  (void)state;
  memset(text, '[', JSON_MAX_DEPTH);
  memset(text + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
  assert_int_equal(check(text, 2 * JSON_MAX_DEPTH, NULL), 0);
  memset(text, '[', DEEP);
  assert_int_equal(check(text, DEEP, &at), ERR_BAD_JSON);
  assert_int_equal(at, JSON_MAX_DEPTH);
  for (int i = 0; i + 5 <= DEEP; i += 5)
    memcpy(text + i, "{\"a\":", 5);
  assert_int_equal(check(text, DEEP, &at), ERR_BAD_JSON);
  assert_int_equal(at, JSON_MAX_DEPTH * 5);
  mem_free(text);
}

static size_t encode_utf8(uint32_t c, char *out) {
  size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = n - 1; i > 0; i--, c >>= 6)
    out[i] = (char)(0x80 | (c & 0x3f));
  out[0] = (char)(leads[n] | c);
  return n;
}

/* Every code point, as UTF-8 and as escape; surrogates are none. */
static void knows_every_code_point(void **state) {
  (void)state;
  for (uint32_t c = 0; c <= 0x10ffff; c++) {
    char utf8[4], out[4], escape[13];
    size_t n = encode_utf8(c, utf8), len = 6;
    bool valid = c < 0xd800 || c > 0xdfff;
    assert_int_equal(utf8_valid(utf8, n), valid);
    for (size_t cut = 1; cut < n; cut++)
      assert_false(utf8_valid(utf8, cut));
    if (!valid)
      continue;
    if (c < 0x10000)
      snprintf(escape, sizeof(escape), "\\u%04x", c);
    else
      len = (size_t)snprintf(escape, sizeof(escape), "\\u%04X\\u%04X",
                             0xd800 + ((c - 0x10000) >> 10),
                             0xdc00 + (c & 0x3ff));
    assert_int_equal(json_unescape(escape, len, out, sizeof(out)), n);
    assert_memory_equal(out, utf8, n);
  }
}

/* Every pair and triple of bytes against a slow definition of UTF-8. */
static void refuses_other_bytes(void **state) {
  (void)state;
  for (uint32_t word = 0; word < 0x1000000; word += 7) {
    char s[3] = {(char)(word >> 16), (char)(word >> 8), (char)word};
    bool valid = true;
    for (size_t i = 0; i < 3 && valid;) {
      bool found = false;
      for (size_t n = 1; n <= 3 - i && !found; n++) {
        uint32_t c = (unsigned char)s[i];
        char again[4];
        if (n > 1)
          c &= n == 2 ? 0x1f : 0x0f;
        for (size_t k = 1; k < n; k++)
          c = c << 6 | ((unsigned char)s[i + k] & 0x3f);
        found = (c < 0xd800 || c > 0xdfff) && encode_utf8(c, again) == n &&
                memcmp(again, s + i, n) == 0;
        if (found)
          i += n;
      }
      valid = found;
    }
    assert_int_equal(utf8_valid(s, 3), valid);
  }
}

static void unescapes(void **state) {
  static const char in[] = "a\\\"\\\\\\/\\b\\f\\n\\r\\tz\\u0000!";
  static const char want[] = "a\"\\/\b\f\n\r\tz\0!";
  char out[32] = "untouched";
  (void)state;
  assert_int_equal(json_unescape(in, sizeof(in) - 1, out, sizeof(out)),
                   sizeof(want) - 1);
  assert_memory_equal(out, want, sizeof(want) - 1);
  out[4] = 'X';
  assert_int_equal(json_unescape("abcd\\u20ac", 10, out, 4), 7);
  assert_int_equal(out[4], 'X');
}

static void reads_integers(void **state) {
  static const char *const whole[] = {"0",
                                      "-0",
                                      "1",
                                      "-1",
                                      "9007199254740993",
                                      "9223372036854775807",
                                      "-9223372036854775808"};
  static const char *const not_whole[] = {
      "9223372036854775808", "-9223372036854775809", "18446744073709551616",
      "99999999999999999999999999"};
  int64_t value;
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
    assert_true(json_to_int(whole[i], strlen(whole[i]), &value));
    assert_true(value == strtoll(whole[i], NULL, 10));
  }
  for (size_t i = 0; i < ARRAY_SIZE(not_whole); i++)
    assert_false(json_to_int(not_whole[i], strlen(not_whole[i]), &value));
}

static void reads_long_numbers(void **state) {
  char text[1000];
  (void)state;
  memset(text, '9', sizeof(text));
  assert_int_equal(check(text, 309, NULL), ERR_BAD_JSON);
  assert_int_equal(check(text, 308, NULL), 0);
  assert_true(json_to_double(text, 308) == 1e308);
  text[0] = '0';
  text[1] = '.';
  assert_int_equal(check(text, sizeof(text), NULL), 0);
  assert_true(json_to_double(text, sizeof(text)) == 1.0);
}

static void put(struct buf *out, const char *text, size_t len) {
  out->len = 0;
  json_put_string(out, text, len);
  buf_putc(out, '\0');
}

static void writes_strings(void **state) {
  struct buf out = {0};
  (void)state;
  put(&out, "", 0);
  assert_string_equal(out.data, "\"\"");
  put(&out, "a\"b\\c/\b\f\n\r\t\x01\x1f\x7f\0.", 16);
  assert_string_equal(
      out.data, "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\\u0000.\"");
  put(&out, "\xd1\x8f\xe2\x82\xac\xf0\x9f\x98\x80 long\"er", 17);
  assert_string_equal(out.data,
                      "\"\xd1\x8f\xe2\x82\xac\xf0\x9f\x98\x80 long\\\"er\"");
  /* A special byte at every place of a run. */
  for (size_t i = 0; i < 40; i++) {
    char text[40], again[40];
    memset(text, 'x', sizeof(text));
    text[i] = (char)(i % 3 == 0 ? '"' : i % 3 == 1 ? '\\' : '\n');
    put(&out, text, sizeof(text));
    assert_int_equal(check(out.data, out.len - 1, NULL), 0);
    assert_int_equal(json_unescape(out.data + 1, out.len - 3, again, 40), 40);
    assert_memory_equal(again, text, 40);
  }
  buf_free(&out);
}

/* One byte that is not plain at one place of a text of `len` bytes, which is in
 * a block of its size: what is written, and read again, is it. */
static void write_special(struct buf *out, size_t len, size_t place,
                          const char *bytes, size_t count) {
  char again[48], *text = malloc(len);
  memset(text, 'x', len);
  memcpy(text + place, bytes, count);
  out->len = 0;
  assert_false(json_put_plain(out, text, len));
  assert_int_equal(out->len, 0);
  json_put_string(out, text, len);
  assert_int_equal(json_string_len(text, len), out->len);
  assert_int_equal(check(out->data, out->len, NULL), 0);
  assert_int_equal(json_unescape(out->data + 1, out->len - 2, again, 48), len);
  assert_memory_equal(again, text, len);
  free(text);
}

static void writes_strings_of_every_length(void **state) {
  static const struct text special[] = {TEXT("\""), TEXT("\\"), TEXT("\x1f"),
                                        TEXT("\0"), TEXT("\xd1\x8f")};
  struct buf out = {0};
  (void)state;
  for (size_t len = 1; len <= 40; len++) {
    char *text = malloc(len);
    memset(text, 'x', len);
    out.len = 0;
    assert_true(json_put_plain(&out, text, len));
    assert_int_equal(out.len, len + 2);
    assert_int_equal(check(out.data, out.len, NULL), 0);
    assert_memory_equal(out.data + 1, text, len);
    free(text);
    for (size_t i = 0; i < ARRAY_SIZE(special); i++)
      for (size_t at = 0; at + special[i].len <= len; at++)
        write_special(&out, len, at, special[i].bytes, special[i].len);
  }
  buf_free(&out);
}

static void writes_integers(void **state) {
  static const int64_t values[] = {0,  1,    -1,        9,        10,
                                   99, -100, INT64_MAX, INT64_MIN};
  struct buf out = {0};
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
    char want[32];
    out.len = 0;
    json_put_int(&out, values[i]);
    buf_putc(&out, '\0');
    snprintf(want, sizeof(want), "%lld", (long long)values[i]);
    assert_string_equal(out.data, want);
  }
  buf_free(&out);
}

static void writes_doubles(void **state) {
  static const struct {
    double value;
    const char *text;
  } cases[] = {{5, "5.0"},
               {-5, "-5.0"},
               {0.0, "0.0"},
               {-0.0, "-0.0"},
               {0.1, "0.1"},
               {0.1 + 0.2, "0.30000000000000004"},
               {1e15, "1e+15"},
               {1e300, "1e+300"},
               {123456789012345678.0, "1.2345678901234568e+17"},
               {1e-7, "1e-07"},
               {5e-324, "5e-324"},
               {-5e-324, "-5e-324"},
               {2.2250738585072009e-308, "2.225073858507201e-308"},
               {DBL_MIN, "2.2250738585072014e-308"},
               {DBL_MAX, "1.7976931348623157e+308"}};
  struct buf out = {0};
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    out.len = 0;
    assert_int_equal(json_put_double(&out, cases[i].value), 0);
    assert_int_equal(check(out.data, out.len, NULL), 0);
    buf_putc(&out, '\0');
    assert_string_equal(out.data, cases[i].text);
  }
  out.len = 0;
  assert_int_equal(json_put_double(&out, (double)NAN), ERR_BAD_JSON);
  assert_int_equal(json_put_double(&out, (double)INFINITY), ERR_BAD_JSON);
  assert_int_equal(json_put_double(&out, -(double)INFINITY), ERR_BAD_JSON);
  assert_int_equal(out.len, 0);
  buf_free(&out);
}

/* Doubles of random bits read back the same. */
static void doubles_read_back(void **state) {
  struct buf out = {0};
  uint64_t bits = 1;
  (void)state;
  for (int i = 0; i < 20000; i++) {
    double value;
    bool whole;
    bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    memcpy(&value, &bits, sizeof(value));
    out.len = 0;
    if (json_put_double(&out, value) != 0)
      continue;
    struct json_scan scan = {out.data, out.data + out.len};
    assert_int_equal(json_scan_number(&scan, &whole), 0);
    assert_true(scan.at == scan.end && !whole);
    double again = json_to_double(out.data, out.len);
    assert_memory_equal(&again, &value, sizeof(value));
  }
  buf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepts),
      cmocka_unit_test(refuses),
      cmocka_unit_test(refuses_every_truncation),
      cmocka_unit_test(counts_depth),
      cmocka_unit_test(knows_every_code_point),
      cmocka_unit_test(refuses_other_bytes),
      cmocka_unit_test(unescapes),
      cmocka_unit_test(reads_integers),
      cmocka_unit_test(reads_long_numbers),
      cmocka_unit_test(writes_strings),
      cmocka_unit_test(writes_strings_of_every_length),
      cmocka_unit_test(writes_integers),
      cmocka_unit_test(writes_doubles),
      cmocka_unit_test(doubles_read_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
