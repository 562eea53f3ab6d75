/* SPDX-License-Identifier: MIT
 * Which fields may be in an answer. */
#include "wire/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct slice text(const char *bytes) {
  return (struct slice){bytes, strlen(bytes)};
}

static void test_good_fields(void **state) {
  (void)state;
  assert_null(reply_field_fault(text("Content-Type"), text("text/html")));
  assert_null(reply_field_fault(text("x"), text("")));
  assert_null(reply_field_fault(text("Set-Cookie"), text("a=\"b c\"; Path=/")));
  assert_null(reply_field_fault(text("X-\x7c"), text("\xc3\xa4\ttab")));
}

static void test_bad_fields(void **state) {
  (void)state;
  static const char *const names[] = {
      "",     "a b",        "a:",      "a\r\nb",         "\xc3\xa4",
      "Date", "Connection", "UPGRADE", "content-length", "Transfer-Encoding"};
  static const char *const values[] = {"a\r\nb: c", "a\n", "\r", "a\x01z",
                                       "\x7f"};
  for (size_t i = 0; i < ARRAY_SIZE(names); i++)
    assert_non_null(reply_field_fault(text(names[i]), text("v")));
  for (size_t i = 0; i < ARRAY_SIZE(values); i++)
    assert_non_null(reply_field_fault(text("x"), text(values[i])));
  assert_non_null(reply_field_fault(text("x"), (struct slice){"a\0b", 3}));
}

static void test_look_up(void **state) {
  (void)state;
  struct buf out = {0};
  struct slice value;
  reply_field(&out, text("X-A"), text("content-type: no"));
  reply_field(&out, text("Content-Type"), text(" text/html "));
  reply_field(&out, text("Vary"), text(""));
  struct slice fields = {out.data, out.len};
  assert_true(reply_has_field(fields, "content-type", &value));
  assert_true(slice_equals(value, "text/html"));
  assert_true(reply_has_field(fields, "VARY", &value));
  assert_int_equal(value.len, 0);
  assert_true(reply_has_field(fields, "x-a", NULL));
  assert_false(reply_has_field(fields, "content", NULL));
  assert_false(reply_has_field((struct slice){"", 0}, "x", NULL));
  buf_free(&out);
}

static void test_begin(void **state) {
  (void)state;
  struct buf out = {0};
  reply_begin(&out, 404);
  buf_putc(&out, 0);
  assert_memory_equal(out.data, "HTTP/1.1 404 Not Found\r\nDate: ", 30);
  assert_non_null(strstr(out.data, " GMT\r\n"));
  buf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good_fields),
      cmocka_unit_test(test_bad_fields),
      cmocka_unit_test(test_look_up),
      cmocka_unit_test(test_begin),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
