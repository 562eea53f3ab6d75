/* SPDX-License-Identifier: MIT
 * What stands for what in a target. */
#include "wire/escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *text, bool form, const char *plain) {
  char out[64];
  size_t len = escape_decode((struct slice){text, strlen(text)}, form, out);
  assert_int_equal(len, strlen(plain));
  assert_memory_equal(out, plain, len);
}

static void test_escapes(void **state) {
  (void)state;
  expect("", false, "");
  expect("plain", false, "plain");
  expect("a%20b%2fc%2F", false, "a b/c/");
  expect("%c3%A4", false, "\xc3\xa4");
  expect("%25%32%35", false, "%25"); /* once, not twice */
  expect("a+b%2B", true, "a b+");
  expect("a+b", false, "a+b");
}

/* The reader of requests lets none of these through. */
static void test_broken(void **state) {
  (void)state;
  expect("%", false, "%");
  expect("a%2", false, "a%2");
  expect("%zz%2", true, "%zz%2");
  expect("%%41", false, "%A");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_escapes),
      cmocka_unit_test(test_broken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
