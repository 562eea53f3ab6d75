/* SPDX-License-Identifier: MIT
 * Compressed bodies, and who takes them. */
#include "wire/gzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define ZLIB_CONST
#include <zlib.h>

static struct slice text(const char *bytes) {
  return (struct slice){bytes, strlen(bytes)};
}

static void test_accepted(void **state) {
  (void)state;
  static const char *const yes[] = {"gzip",
                                    "GZIP",
                                    "br, gzip",
                                    "gzip;q=0.001",
                                    "*",
                                    "br;q=1.0,*",
                                    "identity;q=0,gzip",
                                    "gzip ; q=1",
                                    "gzip;q=0.5, *;q=0"};
  static const char *const no[] = {
      "",           "br",    "x-gzip",   "gzip;q=0", "gzip; q=0.000",
      "gzip;q=0,*", "*;q=0", "identity", ",,,",      "gzipped"};
  for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
    assert_true(gzip_is_accepted(text(yes[i])));
  for (size_t i = 0; i < ARRAY_SIZE(no); i++)
    assert_false(gzip_is_accepted(text(no[i])));
}

static void expect_inflated(const struct buf *packed, struct slice plain) {
  char *out = malloc(plain.len + 1);
  z_stream z = {.next_in = (const unsigned char *)packed->data,
                .avail_in = (unsigned)packed->len,
                .next_out = (unsigned char *)out,
                .avail_out = (unsigned)plain.len + 1};
  assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
  assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
  assert_int_equal(z.total_out, plain.len);
  assert_memory_equal(out, plain.at, plain.len);
  inflateEnd(&z);
  free(out);
}

/* The same state serves one body after the other. */
static void test_put(void **state) {
  (void)state;
  struct gzip *gzip = gzip_new();
  struct buf plain = {0}, out = {0};
  for (int i = 0; i < 5000; i++)
    buf_printf(&plain, "line %d\n", i % 100);
  for (size_t len = plain.len; len > 1000; len /= 2) {
    struct slice piece = {plain.data, len};
    buf_reset(&out, SIZE_MAX);
    assert_true(gzip_put(gzip, &out, piece));
    assert_true(out.len < len);
    expect_inflated(&out, piece);
  }
  buf_free(&plain);
  buf_free(&out);
  gzip_free(gzip);
}

/* Nothing is appended when it would not be smaller. */
static void test_not_smaller(void **state) {
  (void)state;
  struct gzip *gzip = gzip_new();
  struct buf out = {0};
  buf_puts(&out, "before");
  assert_false(gzip_put(gzip, &out, text("short")));
  assert_false(gzip_put(gzip, &out, text("")));
  assert_int_equal(out.len, 6);
  buf_free(&out);
  gzip_free(gzip);
  gzip_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_accepted),
      cmocka_unit_test(test_put),
      cmocka_unit_test(test_not_smaller),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
