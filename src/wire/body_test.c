/* SPDX-License-Identifier: MIT
 * Bodies of requests, in pieces of every size. */
#include "wire/body.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct request chunked(void) {
  return (struct request){.chunked = true};
}

/* Puts the text in, `step` bytes at a time. What is left of it when that ends
 * is in `rest`. */
static enum body_result feed(const struct request *request, size_t max,
                             const char *text, size_t step, struct buf *content,
                             size_t *rest) {
  struct body body;
  enum body_result result = BODY_MORE;
  size_t len = strlen(text), at = 0;
  body_begin(&body, request, max);
  buf_reset(content, 1 << 16);
  do {
    size_t n = len - at < step ? len - at : step;
    struct slice in = {text + at, n}, out;
    do {
      result = body_read(&body, &in, &out);
      buf_put(content, out.at, out.len);
    } while (result == BODY_MORE && in.len > 0);
    at += n - in.len;
  } while (result == BODY_MORE && at < len);
  *rest = len - at;
  return result;
}

static void expect(struct request request, size_t max, const char *text,
                   enum body_result result, const char *content, size_t rest) {
  struct buf got = {0};
  size_t left;
  for (size_t step = 1; step <= strlen(text) + 1; step++) {
    assert_int_equal(feed(&request, max, text, step, &got, &left), result);
    if (result != BODY_DONE)
      continue;
    assert_int_equal(got.len, strlen(content));
    if (got.len > 0)
      assert_memory_equal(got.data, content, got.len);
    assert_int_equal(left, rest);
  }
  buf_free(&got);
}

static void has_a_length(void **state) {
  (void)state;
  struct request five = {.length = 5}, none = {0};
  expect(five, 5, "hello", BODY_DONE, "hello", 0);
  expect(five, 5, "helloGET /", BODY_DONE, "hello", 5);
  expect(five, 9, "hell", BODY_MORE, "", 0);
  expect(five, 4, "hello", BODY_LARGE, "", 0);
  expect(none, 0, "GET /", BODY_DONE, "", 5);
  expect(none, 0, "", BODY_DONE, "", 0);
  expect((struct request){.length = SIZE_MAX}, 1 << 20, "x", BODY_LARGE, "", 0);
}

static void comes_in_chunks(void **state) {
  (void)state;
  expect(chunked(), 99, "5\r\nhello\r\n0\r\n\r\n", BODY_DONE, "hello", 0);
  expect(chunked(), 99, "2\r\nhe\r\n3;x=\"y\"\r\nllo\r\n000\r\n\r\nGET",
         BODY_DONE, "hello", 3);
  expect(chunked(), 99, "00000000000000000000A\r\n0123456789\r\n0\r\n\r\n",
         BODY_DONE, "0123456789", 0);
  expect(chunked(), 99, "0\r\nX: y\r\nZ: 1\r\n\r\nrest", BODY_DONE, "", 4);
  expect(chunked(), 0, "0\r\n\r\n", BODY_DONE, "", 0);
  expect(chunked(), 99, "5\r\nhello\r\n0\r\n", BODY_MORE, "", 0);
}

static void is_no_chunk(void **state) {
  static const char *const texts[] = {
      "\r\n",        "x\r\n",         "-1\r\n",        "+1\r\na",
      " 1\r\na",     "1 \r\na",       "0x1\r\na",      "1\na\r\n",
      "1\r\nab\r\n", "1\r\na\n0\r\n", "1\r\na\r0\r\n", "0\r\n\n",
      "0\r\nX: y\n", "1\r\r\na",      "1;\n\r\na\r\n", "0\r\n\r\r",
  };
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
    expect(chunked(), 99, texts[i], BODY_BAD, "", 0);
}

static void is_too_large(void **state) {
  (void)state;
  expect(chunked(), 4, "5\r\nhello\r\n", BODY_LARGE, "", 0);
  expect(chunked(), 4, "3\r\nhel\r\n2\r\nlo\r\n", BODY_LARGE, "", 0);
  expect(chunked(), 4, "ffffffffffffffffffffff\r\n", BODY_LARGE, "", 0);
}

static void has_bounded_lines(void **state) {
  struct buf text = {0};
  (void)state;
  buf_puts(&text, "1;");
  for (int i = 0; i < BODY_LINE_MAX; i++)
    buf_putc(&text, 'x');
  buf_putc(&text, 0);
  expect(chunked(), 99, text.data, BODY_BAD, "", 0);
  buf_reset(&text, 0);
  buf_puts(&text, "0\r\n");
  for (int i = 0; i < BODY_TRAILER_MAX / 8 + 1; i++)
    buf_puts(&text, "a: bcd\r\n");
  buf_putc(&text, 0);
  struct buf got = {0};
  size_t rest;
  struct request request = chunked();
  assert_int_equal(feed(&request, 99, text.data, 7, &got, &rest), BODY_BAD);
  buf_free(&got);
  buf_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(has_a_length),      cmocka_unit_test(comes_in_chunks),
      cmocka_unit_test(is_no_chunk),       cmocka_unit_test(is_too_large),
      cmocka_unit_test(has_bounded_lines),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
