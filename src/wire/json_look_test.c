/* SPDX-License-Identifier: MIT
 * Tests of wire/json_look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "wire/json_look.h"

#include <stdlib.h>
#include <string.h>

/* The text is copied into a block of its size, so that AddressSanitizer sees a
 * byte read too far. */
static int look_over(const char *text, size_t len, struct json_look *look) {
  char *copy = malloc(len ? len : 1);
  memcpy(copy, text, len);
  struct json_scan scan = {copy, copy + len};
  *look = (struct json_look){.once = true};
  int err = json_look_over(&scan, 0, look);
  if (!err)
    assert_ptr_equal(scan.at, scan.end);
  free(copy);
  return err;
}

static struct json_look look_at(const char *text) {
  struct json_look look;
  assert_int_equal(look_over(text, strlen(text), &look), 0);
  return look;
}

static void sees_keys_that_come_twice(void **state) {
  (void)state;
  assert_true(look_at("5").once);
  assert_true(look_at("[]").once);
  assert_true(look_at("{\"a\":1,\"b\":2,\"ab\":3,\"\":4}").once);
  assert_true(look_at("[{\"a\":1},{\"a\":2}]").once);
  assert_true(look_at("{\"a\":{\"a\":{\"a\":1}}}").once);
  assert_false(look_at("{\"a\":1,\"b\":2,\"a\":1}").once);
  assert_false(look_at("{\"\":1,\"\":2}").once);
  assert_false(look_at("[1,{\"b\":{\"a\":1,\"a\":2}},3]").once);
  assert_false(look_at("{\"a\":1,\"\\u0061\":2}").once);
}

/* So many different keys. */
static bool says_once(int count) {
  char text[256] = "{", *at = text + 1;
  for (int i = 0; i < count; i++) {
    static const char member[] = ",\"a\":1";
    memcpy(at, member, sizeof member);
    at[2] = (char)('a' + i);
    at += sizeof member - 1;
  }
  text[1] = ' ';
  memcpy(at, "}", 2);
  return look_at(text).once;
}

static void looks_at_sixteen_keys(void **state) {
  (void)state;
  assert_true(says_once(16));
  assert_false(says_once(17));
  assert_false(says_once(26));
}

static void counts_levels(void **state) {
  struct json_look look;
  char deep[2 * JSON_MAX_DEPTH + 2];
  (void)state;
  assert_int_equal(look_at("\"a\"").levels, 0);
  assert_int_equal(look_at("{}").levels, 1);
  assert_int_equal(look_at("[1,{\"a\":[]},[2]]").levels, 3);
  memset(deep, '[', sizeof deep / 2);
  memset(deep + sizeof deep / 2, ']', sizeof deep / 2);
  assert_int_equal(look_over(deep, sizeof deep, &look), ERR_BAD_JSON);
  assert_int_equal(look_over(deep + 1, sizeof deep - 2, &look), 0);
  assert_int_equal(look.levels, JSON_MAX_DEPTH);
}

static void counts_members(void **state) {
  struct json_look look = look_at("{\"a\":[1,2,3],\"b\":{\"c\":[]},\"d\":4}");
  static const uint8_t sizes[] = {3, 3, 1, 0};
  char text[600];
  (void)state;
  assert_int_equal(look.size_count, sizeof sizes);
  assert_memory_equal(look.sizes, sizes, sizeof sizes);
  look = look_at("[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]");
  assert_int_equal(look.size_count, JSON_LOOK_SIZES);
  assert_int_equal(look.sizes[0], 16);
  memset(text, '1', sizeof text);
  for (size_t i = 0; i < sizeof text; i += 2)
    text[i] = ',';
  text[0] = '[';
  text[sizeof text - 1] = '\0';
  text[sizeof text - 2] = ']';
  text[sizeof text - 3] = '1';
  assert_int_equal(look_at(text).sizes[0], 255);
}

static void refuses_what_is_no_json(void **state) {
  static const char text[] =
      "{\"a\":[1.5,true,null,\"\\u00e9\"],\"b\":{\"c\":[]},\"d\":-0}";
  struct json_look look;
  (void)state;
  for (size_t len = 0; len < sizeof text - 1; len++)
    assert_int_equal(look_over(text, len, &look), ERR_BAD_JSON);
  assert_int_equal(look_over(text, sizeof text - 1, &look), 0);
  assert_int_equal(look_over("[\"\xff\"]", 5, &look), ERR_BAD_JSON);
  assert_int_equal(look_over("{\"\xff\":1}", 7, &look), ERR_BAD_JSON);
  assert_int_equal(look_over("[1e400]", 7, &look), ERR_BAD_JSON);
  assert_int_equal(look_over("{1:2}", 5, &look), ERR_BAD_JSON);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sees_keys_that_come_twice),
      cmocka_unit_test(looks_at_sixteen_keys),
      cmocka_unit_test(counts_levels),
      cmocka_unit_test(counts_members),
      cmocka_unit_test(refuses_what_is_no_json),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
