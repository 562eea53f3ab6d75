/* SPDX-License-Identifier: MIT
 * Tests of edge/head. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/head.h"

#include <string.h>

/* The head is all but the last `after` bytes, and not seen before it is
 * whole. */
static void check(const char *text, size_t after) {
  size_t len = strlen(text);
  for (size_t n = 1; n <= len; n++) {
    size_t expected = n < len - after ? 0 : len - after;
    if (head_length(text, n) != expected)
      fail_msg("%zu bytes of `%s`: %zu", n, text, head_length(text, n));
  }
}

static void a_head_ends_with_an_empty_line(void **state) {
  (void)state;
  check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0);
  check("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", 18);
  check("POST / HTTP/1.1\nHost: a\n\n\x81", 1);
  check("GET / HTTP/1.1\r\n\n\r\n", 2);
  check("\r\n\r\nGET / HTTP/1.1\r\n\r\n\n", 1);
}

static void what_is_no_request_is_not_waited_for(void **state) {
  (void)state;
  assert_int_equal(head_length("\x16\x03\x01", 3), 3);
  assert_int_equal(head_length("get", 3), 3);
  assert_int_equal(head_length("", 0), 0);
}

static void a_head_that_is_too_long_is_not_looked_through(void **state) {
  static char text[HEAD_BYTES_MAX];
  (void)state;
  memset(text, 'A', sizeof text);
  assert_int_equal(head_length(text, sizeof text - 1), 0);
  assert_int_equal(head_length(text, sizeof text), sizeof text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_head_ends_with_an_empty_line),
      cmocka_unit_test(what_is_no_request_is_not_waited_for),
      cmocka_unit_test(a_head_that_is_too_long_is_not_looked_through),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
