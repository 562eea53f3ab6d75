/* SPDX-License-Identifier: MIT
 * Tests of edge/proxy: networks, and who is behind them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "edge/proxy.h"

#define LIST(...) ((char *[]){__VA_ARGS__, NULL})

static struct proxies parsed(char *const *list) {
  struct proxies proxies;
  struct buf error = {0};
  assert_int_equal(proxy_parse(&proxies, list, &error), 0);
  assert_int_equal(error.len, 0);
  return proxies;
}

static bool trusts(char *net, const char *address) {
  struct proxies proxies = parsed(LIST(net));
  bool trusted = proxy_trusted(&proxies, address);
  proxy_free(&proxies);
  return trusted;
}

static void a_network_has_its_addresses(void **state) {
  (void)state;
  assert_true(trusts("10.1.2.3", "10.1.2.3"));
  assert_false(trusts("10.1.2.3", "10.1.2.4"));
  assert_true(trusts("10.0.0.0/8", "10.255.0.1"));
  assert_false(trusts("10.0.0.0/8", "11.0.0.1"));
  assert_true(trusts("192.168.128.0/17", "192.168.255.1"));
  assert_false(trusts("192.168.128.0/17", "192.168.127.255"));
  assert_true(trusts("10.1.2.3/31", "10.1.2.2"));
  assert_true(trusts("0.0.0.0/0", "203.0.113.9"));
  assert_true(trusts("::1", "0:0:0:0:0:0:0:1"));
  assert_true(trusts("fd00::/8", "fdff::1"));
  assert_false(trusts("fd00::/8", "fe00::1"));
  assert_true(trusts("2001:db8::/33", "2001:db8:7fff::1"));
  assert_false(trusts("2001:db8::/33", "2001:db8:8000::1"));
  assert_true(trusts("::/0", "2001:db8::1"));
}

static void the_families_do_not_mix(void **state) {
  (void)state;
  assert_false(trusts("::/0", "10.0.0.1"));
  assert_false(trusts("0.0.0.0/0", "::1"));
  assert_true(trusts("10.0.0.0/8", "::ffff:10.0.0.1"));
  assert_true(trusts("::ffff:10.0.0.1", "10.0.0.1"));
}

static void what_is_no_address_is_not_trusted(void **state) {
  (void)state;
  assert_false(trusts("0.0.0.0/0", ""));
  assert_false(trusts("0.0.0.0/0", "localhost"));
  assert_false(trusts("0.0.0.0/0", "10.0.0.1:80"));
  assert_false(trusts("0.0.0.0/0", "10.0.0.01x"));
}

static void an_entry_that_is_none_is_named(void **state) {
  static char *const wrong[] = {"localhost",   "10.0.0.0/33", "10.0.0.0/",
                                "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8",
                                "10.0.0",      "::/129",      "10.0.0.0/0x8",
                                "[::1]",       "10.0.0.1:80", "/8",
                                "10.0.0.0/ 8", "*",           "::1/9999999"};
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
    struct proxies proxies;
    struct buf error = {0};
    assert_int_equal(proxy_parse(&proxies, LIST("::1", wrong[i]), &error),
                     ERR_CONFIG);
    buf_putc(&error, 0);
    assert_non_null(strstr(error.data, wrong[i]));
    assert_non_null(strstr(error.data, "proxy.trusted"));
    proxy_free(&proxies);
    buf_free(&error);
  }
}

static void client_is(const struct proxies *proxies, const char *peer,
                      const char *forwarded, const char *expected) {
  char out[PROXY_ADDRESS_BYTES];
  proxy_client(proxies, peer, forwarded, out);
  assert_string_equal(out, expected);
}

static void a_stranger_is_who_it_is(void **state) {
  struct proxies none = parsed(LIST(NULL));
  struct proxies some = parsed(LIST("10.0.0.0/8"));
  (void)state;
  client_is(&none, "203.0.113.9", "198.51.100.1", "203.0.113.9");
  client_is(&none, "10.0.0.1", "198.51.100.1", "10.0.0.1");
  client_is(&some, "203.0.113.9", "198.51.100.1", "203.0.113.9");
  client_is(&some, "203.0.113.9", "10.0.0.1", "203.0.113.9");
  client_is(&some, "::1", "198.51.100.1", "::1");
  proxy_free(&none);
  proxy_free(&some);
}

static void a_client_is_the_last_that_is_no_proxy(void **state) {
  struct proxies some = parsed(LIST("10.0.0.0/8", "fd00::/8"));
  (void)state;
  client_is(&some, "10.0.0.1", "198.51.100.1", "198.51.100.1");
  client_is(&some, "10.0.0.1", "198.51.100.1, 10.9.9.9", "198.51.100.1");
  client_is(&some, "10.0.0.1", "198.51.100.1,10.9.9.9,\tfd00::2",
            "198.51.100.1");
  client_is(&some, "fd00::1", "2001:DB8:0::1", "2001:db8::1");
  client_is(&some, "10.0.0.1", "", "10.0.0.1");
  client_is(&some, "10.0.0.1", "10.0.0.7", "10.0.0.7");
  client_is(&some, "10.0.0.1", "10.0.0.8, 10.0.0.7", "10.0.0.8");
  client_is(&some, "::ffff:10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1");
  proxy_free(&some);
}

/* The client sent the left part itself. */
static void what_a_client_claims_does_not_count(void **state) {
  struct proxies some = parsed(LIST("10.0.0.0/8"));
  (void)state;
  client_is(&some, "10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1");
  client_is(&some, "10.0.0.1", "10.0.0.2, 198.51.100.1", "198.51.100.1");
  client_is(&some, "10.0.0.1", "1.1.1.1, 10.0.0.2, 198.51.100.1, 10.0.0.3",
            "198.51.100.1");
  proxy_free(&some);
}

static void ports_and_brackets_are_left_out(void **state) {
  struct proxies some = parsed(LIST("10.0.0.0/8"));
  (void)state;
  client_is(&some, "10.0.0.1", "198.51.100.1:4711", "198.51.100.1");
  client_is(&some, "10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1");
  client_is(&some, "10.0.0.1", "[2001:db8::1]", "2001:db8::1");
  client_is(&some, "10.0.0.1", "2001:db8::1", "2001:db8::1");
  proxy_free(&some);
}

static void what_is_no_address_ends_the_search(void **state) {
  struct proxies some = parsed(LIST("10.0.0.0/8"));
  (void)state;
  client_is(&some, "10.0.0.1", "unknown", "10.0.0.1");
  client_is(&some, "10.0.0.1", "1.1.1.1, unknown", "10.0.0.1");
  client_is(&some, "10.0.0.1", "1.1.1.1, , 10.0.0.2", "10.0.0.2");
  client_is(&some, "10.0.0.1", "1.1.1.1,", "10.0.0.1");
  client_is(&some, "10.0.0.1", ",,,", "10.0.0.1");
  client_is(&some, "10.0.0.1",
            "11111111111111111111111111111111111111111111111111111111111111111",
            "10.0.0.1");
  client_is(&some, "10.0.0.1", "[", "10.0.0.1");
  client_is(&some, "10.0.0.1", "fe80::1%eth0", "10.0.0.1");
  proxy_free(&some);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_network_has_its_addresses),
      cmocka_unit_test(the_families_do_not_mix),
      cmocka_unit_test(what_is_no_address_is_not_trusted),
      cmocka_unit_test(an_entry_that_is_none_is_named),
      cmocka_unit_test(a_stranger_is_who_it_is),
      cmocka_unit_test(a_client_is_the_last_that_is_no_proxy),
      cmocka_unit_test(what_a_client_claims_does_not_count),
      cmocka_unit_test(ports_and_brackets_are_left_out),
      cmocka_unit_test(what_is_no_address_ends_the_search),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
