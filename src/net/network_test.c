/* SPDX-License-Identifier: MIT
 * Tests of net/network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/network.h"

#include <string.h>

static void check(const char *address, const char *expected) {
  char network[NETWORK_BYTES];
  network_of(address, network);
  assert_string_equal(network, expected);
  char again[NETWORK_BYTES];
  network_of(network, again);
  assert_string_equal(again, expected);
}

static void ipv6_counts_by_its_first_half(void **state) {
  (void)state;
  check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
  check("2001:db8:1:2::", "2001:db8:1:2::/64");
  check("2001:DB8:1:3::6", "2001:db8:1:3::/64");
  check("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8:ffff:ffff::/64");
  check("fe80::1", "fe80::/64");
  check("::1", "::/64");
}

static void ipv4_counts_by_itself(void **state) {
  (void)state;
  check("192.0.2.1", "192.0.2.1");
  check("64:ff9b::c000:201", "64:ff9b::c000:201");
  check("64:ff9b:1::c000:201", "64:ff9b:1::/64"); /* not that prefix */
}

static void what_is_no_address_stays(void **state) {
  (void)state;
  check("", "");
  check("unknown", "unknown");
  char network[NETWORK_BYTES], text[NETWORK_BYTES + 20];
  memset(text, 'a', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  network_of(text, network);
  assert_int_equal(strlen(network), NETWORK_BYTES - 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ipv6_counts_by_its_first_half),
      cmocka_unit_test(ipv4_counts_by_itself),
      cmocka_unit_test(what_is_no_address_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
