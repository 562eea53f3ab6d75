/* SPDX-License-Identifier: MIT
 * Tests of hub/bucket. The clock is an argument: nothing waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/bucket.h"

#include <stdlib.h>

enum { START = 1000000 };

static void a_new_bucket_gives_its_burst_at_once(void **state) {
  struct bucket limit = {0};
  (void)state;
  for (int i = 0; i < 100; i++)
    assert_int_equal(bucket_take(&limit, 50, 100, 1, START), 0);
  assert_int_equal(bucket_take(&limit, 50, 100, 1, START), 20);
}

/* Also at the very beginning of the clock. */
static void nothing_refills_while_the_clock_stands(void **state) {
  (void)state;
  for (uint64_t now = 0; now < 3; now++) {
    struct bucket limit = {0};
    assert_int_equal(bucket_take(&limit, 1000, 2, 2, now), 0);
    for (int i = 0; i < 1000; i++)
      assert_int_equal(bucket_take(&limit, 1000, 2, 1, now), 1);
  }
}

static void refills_with_its_rate(void **state) {
  struct bucket limit = {0};
  (void)state;
  assert_int_equal(bucket_take(&limit, 50, 100, 100, START), 0);
  assert_int_equal(bucket_take(&limit, 50, 100, 1, START + 19), 1);
  assert_int_equal(bucket_take(&limit, 50, 100, 1, START + 20), 0);
  assert_int_equal(bucket_take(&limit, 50, 100, 1, START + 20), 20);
  assert_int_equal(bucket_take(&limit, 50, 100, 10, START + 220), 0);
  assert_int_equal(bucket_take(&limit, 50, 100, 1, START + 220), 20);
}

static void never_holds_more_than_its_burst(void **state) {
  struct bucket limit = {0};
  (void)state;
  assert_int_equal(bucket_take(&limit, 50, 10, 10, START), 0);
  uint64_t later = START + 1000ull * 60 * 60 * 24 * 365;
  assert_int_equal(bucket_take(&limit, 50, 10, 10, later), 0);
  assert_int_equal(bucket_take(&limit, 50, 10, 1, later), 20);
}

static void refused_tokens_are_not_taken(void **state) {
  struct bucket limit = {0};
  (void)state;
  assert_int_equal(bucket_take(&limit, 10, 10, 8, START), 0);
  assert_int_equal(bucket_take(&limit, 10, 10, 5, START), 300);
  assert_int_equal(bucket_take(&limit, 10, 10, 2, START), 0);
  assert_int_equal(bucket_take(&limit, 10, 10, 1, START), 100);
}

/* Asking every millisecond must not cost the fractions of a token. */
static void asking_often_does_not_slow_the_refill(void **state) {
  struct bucket limit = {0};
  int taken = 0;
  (void)state;
  assert_int_equal(bucket_take(&limit, 3, 5, 5, START), 0);
  for (uint64_t ms = 1; ms <= 10000; ms++)
    taken += bucket_take(&limit, 3, 5, 1, START + ms) == 0;
  assert_in_range(taken, 29, 30);
}

static void a_rate_of_zero_is_no_limit(void **state) {
  struct bucket limit = {0};
  (void)state;
  for (int i = 0; i < 1000; i++)
    assert_int_equal(bucket_take(&limit, 0, 1, 1e9, START), 0);
}

static void a_cost_over_the_burst_needs_a_full_bucket(void **state) {
  struct bucket limit = {0};
  (void)state;
  assert_int_equal(bucket_take(&limit, 100, 10, 50, START), 0);
  assert_int_equal(bucket_take(&limit, 100, 10, 1, START), 410);
  assert_int_equal(bucket_take(&limit, 100, 10, 50, START), 500);
  struct bucket sooner = limit;
  assert_in_range(bucket_take(&sooner, 100, 10, 50, START + 499), 1, 2);
  assert_int_equal(bucket_take(&limit, 100, 10, 50, START + 500), 0);
}

static void a_clock_that_goes_back_gives_nothing(void **state) {
  struct bucket limit = {0};
  (void)state;
  assert_int_equal(bucket_take(&limit, 10, 1, 1, START), 0);
  assert_int_equal(bucket_take(&limit, 10, 1, 1, START - 50), 100);
  assert_int_equal(bucket_take(&limit, 10, 1, 1, START), 100);
}

static void the_wait_is_what_it_takes(void **state) {
  struct bucket limit = {0};
  uint64_t now = START;
  (void)state;
  srand(1);
  for (int i = 0; i < 200000; i++) {
    double rate = 1 + rand() % 997, burst = 1 + rand() % 50;
    double cost = 1 + rand() % (int)burst;
    uint32_t wait = bucket_take(&limit, rate, burst, cost, now);
    if (wait > 0) {
      struct bucket sooner = limit, then = limit;
      /* A rounding error may cost or save a millisecond. */
      assert_in_range(bucket_take(&sooner, rate, burst, cost, now + wait - 1),
                      0, 2);
      assert_in_range(bucket_take(&then, rate, burst, cost, now + wait), 0, 1);
    }
    now += (uint64_t)rand() % 40;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_new_bucket_gives_its_burst_at_once),
      cmocka_unit_test(nothing_refills_while_the_clock_stands),
      cmocka_unit_test(refills_with_its_rate),
      cmocka_unit_test(never_holds_more_than_its_burst),
      cmocka_unit_test(refused_tokens_are_not_taken),
      cmocka_unit_test(asking_often_does_not_slow_the_refill),
      cmocka_unit_test(a_rate_of_zero_is_no_limit),
      cmocka_unit_test(a_cost_over_the_burst_needs_a_full_bucket),
      cmocka_unit_test(a_clock_that_goes_back_gives_nothing),
      cmocka_unit_test(the_wait_is_what_it_takes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
