/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/watchdog.h"

#include <string.h>

enum { LOOKS_OF_TEN_SECONDS = 40 };

static bool is_stuck_with(const struct watchdog *watchdog, const char *words) {
  struct buf text = {0};
  bool stuck = watchdog_is_stuck(watchdog, &text);
  buf_putc(&text, 0);
  bool right = stuck && strstr(text.data, words);
  buf_free(&text);
  return right;
}

static void tells_of_a_loop_that_stands_still(void **state) {
  struct host host = {.worker = 3};
  struct pulse pulse = {0};
  struct watchdog watchdog = {.host = &host, .pulse = &pulse};
  struct buf text = {0};
  (void)state;
  pulse_turn(&pulse);
  for (int i = 0; i < LOOKS_OF_TEN_SECONDS; i++) {
    watchdog_look(&watchdog);
    assert_false(watchdog_is_stuck(&watchdog, &text));
  }
  pulse_doing(&pulse, "knitting");
  watchdog_look(&watchdog);
  assert_true(is_stuck_with(&watchdog, "worker 3"));
  assert_true(is_stuck_with(&watchdog, "knitting"));
  pulse_turn(&pulse);
  watchdog_look(&watchdog);
  assert_false(watchdog_is_stuck(&watchdog, &text));
  assert_int_equal(text.len, 0);
}

static void gives_a_loop_time_to_begin(void **state) {
  struct host host = {.worker = 1};
  struct pulse pulse = {0};
  struct watchdog watchdog = {.host = &host, .pulse = &pulse};
  struct buf text = {0};
  (void)state;
  for (int i = 0; i < 2 * LOOKS_OF_TEN_SECONDS; i++)
    watchdog_look(&watchdog);
  assert_false(watchdog_is_stuck(&watchdog, &text));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tells_of_a_loop_that_stands_still),
      cmocka_unit_test(gives_a_loop_time_to_begin),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
