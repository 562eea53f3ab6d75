/* SPDX-License-Identifier: MIT
 * Tests of edge/extension: which offers are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "edge/extension.h"

#include <string.h>

static int bits_of(const char *offers) {
  bool said;
  return extension_bits((struct slice){offers, strlen(offers)}, &said);
}

static void check_all(const char *const *offers, size_t count, bool taken) {
  for (size_t i = 0; i < count; i++)
    if ((bits_of(offers[i]) > 0) != taken)
      fail_msg("%s: `%s`", taken ? "refused" : "taken", offers[i]);
}

static void takes_what_browsers_and_libraries_offer(void **state) {
  static const char *const offers[] = {
      "permessage-deflate",
      "permessage-deflate; client_max_window_bits",
      "permessage-deflate;client_max_window_bits=15",
      "permessage-deflate; client_max_window_bits=\"8\"",
      "permessage-deflate ;server_no_context_takeover",
      "permessage-deflate;client_no_context_takeover;\tclient_max_window_bits",
      "x-webkit-deflate-frame, permessage-deflate",
  };
  (void)state;
  check_all(offers, ARRAY_SIZE(offers), true);
}

static void keeps_to_the_window_of_the_peer(void **state) {
  static const struct {
    const char *offers;
    int bits;
    bool said;
  } cases[] = {
      {"permessage-deflate", 15, false},
      {"permessage-deflate; client_max_window_bits=9", 15, false},
      {"permessage-deflate; server_max_window_bits=8", 8, true},
      {"permessage-deflate; server_max_window_bits=\"10\"", 10, true},
      {"permessage-deflate; server_max_window_bits=15; "
       "client_max_window_bits=15",
       15, true},
      {"permessage-deflate; server_max_window_bits=16, permessage-deflate", 15,
       false},
  };
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    bool said = false;
    struct slice offers = {cases[i].offers, strlen(cases[i].offers)};
    assert_int_equal(extension_bits(offers, &said), cases[i].bits);
    assert_int_equal(said, cases[i].said);
  }
}

static void takes_the_first_offer_that_it_can(void **state) {
  static const char *const offers[] = {
      "permessage-deflate; server_max_window_bits=7, permessage-deflate",
      "permessage-deflate; novelty=1, foo; bar, permessage-deflate",
  };
  (void)state;
  check_all(offers, ARRAY_SIZE(offers), true);
}

static void refuses_what_is_no_offer(void **state) {
  static const char *const offers[] = {
      "",
      ",",
      ";",
      "permessage-deflat",
      "permessage-deflate2",
      "Permessage-Deflate",
      "permessage-deflate; novelty",
      "permessage-deflate; client_no_context_takeover=1",
      "permessage-deflate; client_max_window_bits=",
      "permessage-deflate; server_max_window_bits",
      "permessage-deflate; server_max_window_bits=16",
      "permessage-deflate; client_max_window_bits=7",
      "permessage-deflate; client_max_window_bits=16",
      "permessage-deflate; client_max_window_bits=08",
      "permessage-deflate; client_max_window_bits=150",
      "permessage-deflate; client_max_window_bits=1x",
      "permessage-deflate; client_max_window_bits=\"",
      "permessage-deflate; client_max_window_bits; client_max_window_bits",
  };
  (void)state;
  check_all(offers, ARRAY_SIZE(offers), false);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(takes_what_browsers_and_libraries_offer),
      cmocka_unit_test(keeps_to_the_window_of_the_peer),
      cmocka_unit_test(takes_the_first_offer_that_it_can),
      cmocka_unit_test(refuses_what_is_no_offer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
