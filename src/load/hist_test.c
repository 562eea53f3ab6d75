/* SPDX-License-Identifier: MIT
 * Tests of load/hist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load/hist.h"

#include <string.h>

static struct hist hist;

static int empty(void **state) {
  (void)state;
  memset(&hist, 0, sizeof hist);
  return 0;
}

static void an_empty_one_says_zero(void **state) {
  (void)state;
  assert_int_equal(hist_quantile(&hist, 0.5), 0);
  assert_int_equal(hist_quantile(&hist, 1), 0);
}

static void small_values_are_exact(void **state) {
  (void)state;
  for (uint64_t value = 1; value <= 100; value++)
    hist_add(&hist, value);
  assert_int_equal(hist_quantile(&hist, 0.5), 50);
  assert_int_equal(hist_quantile(&hist, 0.99), 99);
  assert_int_equal(hist_quantile(&hist, 1), 100);
  assert_int_equal(hist_quantile(&hist, 0), 1);
}

/* Of two values the lower quantile shows the bucket of the smaller one. */
static void every_value_is_known_to_one_percent(void **state) {
  (void)state;
  for (int bit = 0; bit < 64; bit++)
    for (uint64_t more = 0; more < 5; more++) {
      uint64_t value = (UINT64_C(1) << bit) + (UINT64_C(1) << bit) / 5 * more;
      memset(&hist, 0, sizeof hist);
      hist_add(&hist, value);
      hist_add(&hist, UINT64_MAX);
      uint64_t told = hist_quantile(&hist, 0.5);
      assert_true(told >= value);
      assert_true(told - value <= value / 100);
    }
}

static void the_largest_is_exact(void **state) {
  (void)state;
  hist_add(&hist, 1);
  hist_add(&hist, 1234567891);
  assert_int_equal(hist.max, 1234567891);
  assert_int_equal(hist_quantile(&hist, 1), 1234567891);
  hist_add(&hist, UINT64_MAX);
  assert_true(hist_quantile(&hist, 1) == UINT64_MAX);
}

static void one_slow_value_in_a_thousand_shows_only_beyond(void **state) {
  (void)state;
  for (int i = 0; i < 999; i++)
    hist_add(&hist, 1000);
  hist_add(&hist, 1000000);
  assert_in_range(hist_quantile(&hist, 0.999), 1000, 1010);
  assert_int_equal(hist_quantile(&hist, 0.9991), 1000000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(an_empty_one_says_zero, empty),
      cmocka_unit_test_setup(small_values_are_exact, empty),
      cmocka_unit_test_setup(every_value_is_known_to_one_percent, empty),
      cmocka_unit_test_setup(the_largest_is_exact, empty),
      cmocka_unit_test_setup(one_slow_value_in_a_thousand_shows_only_beyond,
                             empty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
