/* SPDX-License-Identifier: MIT
 * Tests of edge/forwarded: RFC 7239, and what clients make of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/forwarded.h"

#include <string.h>

static void hops_are(const char *text, const char *expected) {
  char out[256];
  forwarded_hops(text, strlen(text), out);
  assert_string_equal(out, expected);
}

static void each_element_has_its_hop(void **state) {
  (void)state;
  hops_are("for=192.0.2.60", "192.0.2.60");
  hops_are("For=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60");
  hops_are("proto=http; FOR=192.0.2.60 ;by=1.1.1.1", "192.0.2.60");
  hops_are("for=192.0.2.43, for=198.51.100.17", "192.0.2.43,198.51.100.17");
  hops_are("for=\"[2001:db8:cafe::17]:4711\"", "[2001:db8:cafe::17]:4711");
  hops_are("for=\"192.0.2.1:80\";host=\"a;b,c\",for=_hidden",
           "192.0.2.1:80,_hidden");
  hops_are("for=unknown,\tfor=192.0.2.1", "unknown,192.0.2.1");
}

static void an_element_without_one_is_empty(void **state) {
  (void)state;
  hops_are("", "");
  hops_are("proto=http", "");
  hops_are("for", "");
  hops_are("for=", "");
  hops_are("xfor=1.1.1.1", "");
  hops_are("by=\"x;for=1.1.1.1\"", "");
  hops_are("for=1.1.1.1;for=2.2.2.2", "");
  hops_are("for=\"1.1.1.1,2.2.2.2\"", "");
  hops_are("proto=http,for=192.0.2.1,", ",192.0.2.1,");
}

/* A client cannot hide what its proxy has written behind it. */
static void an_open_quotation_ends_on_the_left(void **state) {
  (void)state;
  hops_are("for=\", for=192.0.2.1", "\",192.0.2.1");
  hops_are("for=6.6.6.6;by=\", for=\"[2001:db8::1]\"",
           "6.6.6.6;by=\",[2001:db8::1]");
  hops_are("by=\"a\\\", for=192.0.2.1;proto=https", ",192.0.2.1");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_element_has_its_hop),
      cmocka_unit_test(an_element_without_one_is_empty),
      cmocka_unit_test(an_open_quotation_ends_on_the_left),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
