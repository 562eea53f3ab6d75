/* SPDX-License-Identifier: MIT
 * Tests of edge/quiet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/quiet.h"

#include <stdio.h>

static unsigned kept;

static bool say(struct quiet *quiet, const char *kind, uint64_t now_ms) {
  return quiet_may_say(quiet, kind, now_ms, &kept);
}

static void a_kind_is_told_once_a_minute(void **state) {
  struct quiet quiet = {0};
  (void)state;
  assert_true(say(&quiet, "a", 5));
  assert_int_equal(kept, 0);
  assert_false(say(&quiet, "a", 6));
  assert_false(say(&quiet, "a", 5 + QUIET_MS - 1));
  assert_true(say(&quiet, "b", 7));
  assert_true(say(&quiet, "a", 5 + QUIET_MS));
  assert_int_equal(kept, 2);
  assert_false(say(&quiet, "a", 6 + QUIET_MS));
  assert_true(say(&quiet, "a", 5 + 2 * QUIET_MS));
  assert_int_equal(kept, 1);
}

static void kinds_are_bounded(void **state) {
  struct quiet quiet = {0};
  unsigned told = 0;
  char kind[16];
  (void)state;
  for (uint64_t i = 0; i < 10000; i++) {
    snprintf(kind, sizeof kind, "%u", (unsigned)i);
    told += say(&quiet, kind, 1000 + i / 1000);
  }
  assert_int_equal(told, QUIET_KINDS);
  assert_true(say(&quiet, "later", 2000 + QUIET_MS));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_kind_is_told_once_a_minute),
      cmocka_unit_test(kinds_are_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
