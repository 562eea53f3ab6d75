/* SPDX-License-Identifier: MIT
 * Tests of edge/extension: which offers are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "edge/extension.h"

static void check_all(const char *const *offers, size_t count, bool taken) {
  for (size_t i = 0; i < count; i++)
    if (extension_acceptable(offers[i]) != taken)
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

/* Compressed with a window of 32 KiB whatever the peer says. */
static void refuses_a_smaller_window(void **state) {
  static const char *const offers[] = {
      "permessage-deflate; server_max_window_bits=10",
      "permessage-deflate; client_max_window_bits; server_max_window_bits=15",
  };
  (void)state;
  check_all(offers, ARRAY_SIZE(offers), false);
}

static void takes_the_first_offer_that_it_can(void **state) {
  static const char *const offers[] = {
      "permessage-deflate; server_max_window_bits=10, permessage-deflate",
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
      cmocka_unit_test(refuses_a_smaller_window),
      cmocka_unit_test(takes_the_first_offer_that_it_can),
      cmocka_unit_test(refuses_what_is_no_offer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
