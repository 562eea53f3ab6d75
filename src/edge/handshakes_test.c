/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/handshakes.h"

static struct handshakes handshakes;
static struct config config;

static int begin(void **state) {
  (void)state;
  handshakes = (struct handshakes){0};
  config = (struct config){.limits_handshakes_per_s = 100,
                           .limits_handshakes_burst = 200,
                           .limits_handshakes_per_ip = 10,
                           .limits_per_ip = 50};
  return 0;
}

/* How many of a thousand at once pass. */
static int taken(int workers, const char *address) {
  int count = 0;
  for (int i = 0; i < 1000; i++)
    count += handshakes_take(&handshakes, &config, workers, address, 1000) == 0;
  return count;
}

static void one_network_has_its_part(void **state) {
  (void)state;
  assert_int_equal(taken(1, "192.0.2.1"), 20);
  assert_int_equal(taken(1, "2001:db8::1"), 20);
  assert_int_equal(taken(1, "2001:db8::2"), 0); /* the same /64 */
  assert_int_equal(taken(1, "192.0.2.2"), 20);
}

static void all_have_theirs(void **state) {
  (void)state;
  assert_int_equal(taken(1, NULL), 200);
  assert_int_equal(taken(1, "192.0.2.1"), 0);
}

static void a_worker_has_its_share(void **state) {
  (void)state;
  assert_int_equal(taken(4, "192.0.2.1"), 5);
  assert_int_equal(taken(4, NULL), 45);
}

static void any_number_is_no_limit(void **state) {
  (void)state;
  config.limits_handshakes_per_ip = 0;
  assert_int_equal(taken(1, "192.0.2.1"), 200);
  begin(NULL);
  config.limits_per_ip = 0;
  assert_int_equal(taken(1, "192.0.2.1"), 200);
  config.limits_handshakes_per_s = 0;
  assert_int_equal(taken(1, "192.0.2.1"), 1000);
  config.limits_per_ip = 50; /* that of all is another one */
  assert_int_equal(taken(1, "192.0.2.1"), 20);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(one_network_has_its_part, begin),
      cmocka_unit_test_setup(all_have_theirs, begin),
      cmocka_unit_test_setup(a_worker_has_its_share, begin),
      cmocka_unit_test_setup(any_number_is_no_limit, begin),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
