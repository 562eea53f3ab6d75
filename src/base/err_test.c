/* SPDX-License-Identifier: MIT
 * Tests of base/err: the names that clients see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

static void every_code_is_negative_and_knows_its_name(void **state) {
  (void)state;
#define CHECK(name, retry, text)                                               \
  assert_true(ERR_##name < 0);                                                 \
  assert_string_equal(err_name(ERR_##name), #name);                            \
  assert_string_equal(err_text(ERR_##name), text);                             \
  assert_int_equal(err_retry(ERR_##name), retry);                              \
  assert_int_equal(err_code_retry(#name), retry);
  ERR_WIRE(CHECK)
#undef CHECK
#define CHECK(name, text)                                                      \
  assert_true(ERR_##name < 0);                                                 \
  assert_string_equal(err_name(ERR_##name), #name);                            \
  assert_string_equal(err_text(ERR_##name), text);                             \
  assert_false(err_retry(ERR_##name));
  ERR_INTERNAL(CHECK)
#undef CHECK
}

static void a_code_of_a_script_is_for_good(void **state) {
  (void)state;
  assert_false(err_code_retry("chat.muted"));
  assert_false(err_code_retry(""));
}

/* A wrong number in a log line must not read past the table. */
static void other_numbers_have_a_name_too(void **state) {
  static const int others[] = {0, 1, -1, -5000, ERR_FIRST, ERR_SCRIPT + 1};
  (void)state;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    assert_string_equal(err_name((enum err)others[i]), "OK");
    assert_string_equal(err_text((enum err)others[i]), "no error");
    assert_false(err_retry((enum err)others[i]));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_code_is_negative_and_knows_its_name),
      cmocka_unit_test(a_code_of_a_script_is_for_good),
      cmocka_unit_test(other_numbers_have_a_name_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
