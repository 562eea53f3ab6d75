/* SPDX-License-Identifier: MIT
 * Tests of hub/rates. The clock is an argument: nothing waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/rates.h"

#include <stdio.h>

enum { START = 1000000 };

static void has_a_bucket_for_each_user_and_thing(void **state) {
  struct rates rates;
  (void)state;
  rates_init(&rates);
  assert_int_equal(rates_take(&rates, "say", "alice", 2, 1, START), 0);
  assert_int_equal(rates_take(&rates, "say", "alice", 2, 1, START), 500);
  assert_int_equal(rates_take(&rates, "say", "bob", 2, 1, START), 0);
  assert_int_equal(rates_take(&rates, "do", "alice", 2, 1, START), 0);
  assert_int_equal(rates_take(&rates, "do", "alice", 2, 1, START), 500);
  assert_int_equal(rates_take(&rates, "say", "alice", 2, 1, START + 250), 250);
  assert_int_equal(rates_take(&rates, "say", "alice", 2, 1, START + 500), 0);
  rates_free(&rates);
}

/* "ab" + "c" is not "a" + "bc". */
static void does_not_mix_up_names(void **state) {
  struct rates rates;
  (void)state;
  rates_init(&rates);
  assert_int_equal(rates_take(&rates, "ab", "c", 1, 1, START), 0);
  assert_int_equal(rates_take(&rates, "a", "bc", 1, 1, START), 0);
  rates_free(&rates);
}

static void forgets_full_buckets_and_no_others(void **state) {
  struct rates rates;
  char user[16];
  (void)state;
  rates_init(&rates);
  assert_int_equal(rates_take(&rates, "slow", "alice", 0.001, 1, START), 0);
  for (int i = 0; i < 1000; i++) {
    snprintf(user, sizeof user, "u%d", i);
    assert_int_equal(rates_take(&rates, "say", user, 1, 2, START), 0);
  }
  assert_int_equal(rates_count(&rates), 1001);
  for (int i = 0; i < 1000; i++)
    (void)rates_take(&rates, "say", "bob", 1, 2, START + 1000);
  assert_int_equal(rates_count(&rates), 2);
  assert_true(rates_take(&rates, "slow", "alice", 0.001, 1, START + 1000) > 0);
  rates_free(&rates);
}

static void is_bounded(void **state) {
  struct rates rates;
  char user[16];
  (void)state;
  rates_init(&rates);
  for (int i = 0; i < RATES_MAX + 10; i++) {
    snprintf(user, sizeof user, "u%d", i);
    (void)rates_take(&rates, "say", user, 0.001, 1, START);
  }
  assert_true(rates_count(&rates) <= RATES_MAX);
  rates_free(&rates);
  assert_int_equal(rates_count(&rates), 0);
}

static void add_use(void *arg, const struct rates_use *use) {
  double *taken = arg;
  assert_string_equal(use->what, "say");
  assert_string_equal(use->user, "alice");
  assert_true(use->rate == 1);
  *taken += use->taken;
}

static void shares_what_was_taken(void **state) {
  struct rates rates;
  double taken = 0;
  (void)state;
  rates_init(&rates);
  rates_share(&rates);
  for (int i = 0; i < 2; i++)
    assert_int_equal(rates_take(&rates, "say", "alice", 1, 4, START), 0);
  rates_each_use(&rates, 10, add_use, &taken);
  assert_true(taken == 2);
  rates_each_use(&rates, 10, add_use, &taken); /* nothing is told twice */
  assert_true(taken == 2);
  assert_int_equal(rates_take(&rates, "say", "alice", 1, 4, START), 0);
  rates_level(&rates, "say", "alice", 3, START); /* one was taken elsewhere */
  assert_int_equal(rates_take(&rates, "say", "alice", 1, 4, START), 1000);
  rates_level(&rates, "say", "alice", 0, START); /* it does not become fuller */
  assert_int_equal(rates_take(&rates, "say", "alice", 1, 4, START), 1000);
  rates_level(&rates, "say", "bob", 9, START); /* nobody knows him here */
  assert_int_equal(rates_take(&rates, "say", "bob", 1, 1, START), 0);
  rates_free(&rates);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(has_a_bucket_for_each_user_and_thing),
      cmocka_unit_test(does_not_mix_up_names),
      cmocka_unit_test(forgets_full_buckets_and_no_others),
      cmocka_unit_test(is_bounded),
      cmocka_unit_test(shares_what_was_taken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
