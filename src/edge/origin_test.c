/* SPDX-License-Identifier: MIT
 * Tests of edge/origin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/origin.h"

#define LIST(...) ((char *[]){__VA_ARGS__, NULL})

static char *const nothing[] = {NULL};

static void programs_without_an_origin_pass(void **state) {
  (void)state;
  assert_true(origin_allowed(nothing, "", "example.org"));
  assert_true(origin_allowed(LIST("https://example.org"), "", ""));
}

static void an_origin_is_compared_whole(void **state) {
  char *const *list = LIST("https://example.org", "http://localhost:3000");
  (void)state;
  assert_true(origin_allowed(list, "https://example.org", "x"));
  assert_true(origin_allowed(list, "HTTPS://Example.ORG", "x"));
  assert_true(origin_allowed(list, "http://localhost:3000", "x"));
  assert_false(origin_allowed(list, "http://example.org", "x"));
  assert_false(origin_allowed(list, "https://example.org:444", "x"));
  assert_false(origin_allowed(list, "https://example.org.evil.com", "x"));
  assert_false(origin_allowed(list, "https://evilexample.org", "x"));
  assert_false(origin_allowed(list, "https://www.example.org", "x"));
  assert_false(origin_allowed(list, "http://localhost", "x"));
  assert_false(origin_allowed(list, "null", "x"));
}

static void a_wildcard_stands_for_subdomains(void **state) {
  char *const *list = LIST("https://*.example.org");
  (void)state;
  assert_true(origin_allowed(list, "https://www.example.org", "x"));
  assert_true(origin_allowed(list, "https://a.b.example.org", "x"));
  assert_true(origin_allowed(list, "https://WWW.EXAMPLE.ORG", "x"));
  assert_false(origin_allowed(list, "https://example.org", "x"));
  assert_false(origin_allowed(list, "https://.example.org", "x"));
  assert_false(origin_allowed(list, "http://www.example.org", "x"));
  assert_false(origin_allowed(list, "https://wwwexample.org", "x"));
  assert_false(origin_allowed(list, "https://www.example.org.evil.com", "x"));
  assert_false(origin_allowed(list, "https://www.example.org:8443", "x"));
  assert_false(origin_allowed(list, "https://", "x"));
}

/* The head and the tail of the pattern may not overlap in the origin. */
static void a_wildcard_needs_something_to_stand_for(void **state) {
  (void)state;
  assert_false(origin_allowed(LIST("https://a*a.org"), "https://a.org", "x"));
  assert_false(origin_allowed(LIST("ab*ba"), "aba", "x"));
  assert_false(origin_allowed(LIST("ab*ba"), "abba", "x"));
  assert_true(origin_allowed(LIST("ab*ba"), "abcba", "x"));
}

static void a_star_allows_every_page(void **state) {
  (void)state;
  assert_true(origin_allowed(LIST("*"), "https://evil.com", "x"));
  assert_true(origin_allowed(LIST("*"), "null", ""));
  assert_true(origin_allowed(LIST("https://a.org", "*"), "http://b.org", ""));
}

static void without_a_list_only_the_own_host_passes(void **state) {
  (void)state;
  assert_true(origin_allowed(nothing, "https://example.org", "example.org"));
  assert_true(origin_allowed(nothing, "http://Example.org", "example.ORG"));
  assert_true(origin_allowed(nothing, "http://[::1]:8080", "[::1]:8080"));
  assert_false(origin_allowed(nothing, "http://localhost:1", "localhost:2"));
  assert_false(origin_allowed(nothing, "http://localhost:1", "localhost"));
  assert_false(origin_allowed(nothing, "https://evil.com", "example.org"));
  assert_false(origin_allowed(nothing, "null", "null"));
  assert_false(origin_allowed(nothing, "null", "example.org"));
  assert_false(origin_allowed(nothing, "https://example.org", ""));
  assert_false(origin_allowed(nothing, "https://", ""));
}

static void a_host_is_safe_when_nobody_can_own_its_name(void **state) {
  (void)state;
  for (const char **host =
           (const char *[]){"127.0.0.1", "10.0.0.7:8081", "[::1]:8081",
                            "localhost", "LOCALHOST:1", "box:80", NULL};
       *host; host++)
    assert_true(origin_host_is_safe(*host, "Box"));
  for (const char **host =
           (const char *[]){"", "evil.com", "127.0.0.1.evil.com",
                            "localhost.evil", "boxes", "bo", ":80",
                            "x127.0.0.1", NULL};
       *host; host++)
    assert_false(origin_host_is_safe(*host, "box"));
  assert_false(origin_host_is_safe("box", NULL));
}

static void the_console_is_at_the_same_host(void **state) {
  const char *admin = "127.0.0.1:8081";
  (void)state;
  assert_true(
      origin_is_console(admin, "http://localhost:8081", "localhost:8080"));
  assert_true(origin_is_console(admin, "http://10.0.0.7:8081", "10.0.0.7"));
  assert_true(origin_is_console(admin, "http://[::1]:8081", "[::1]:8080"));
  assert_false(
      origin_is_console(admin, "http://localhost:8082", "localhost:8080"));
  assert_false(
      origin_is_console(admin, "http://127.0.0.1:8081", "localhost:8080"));
  assert_false(
      origin_is_console(admin, "http://evil.com:8081", "evil.com:8080"));
  assert_false(origin_is_console("", "http://localhost:8081", "localhost"));
  assert_false(origin_is_console("unix:/x", "http://localhost:0", "localhost"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(programs_without_an_origin_pass),
      cmocka_unit_test(an_origin_is_compared_whole),
      cmocka_unit_test(a_wildcard_stands_for_subdomains),
      cmocka_unit_test(a_wildcard_needs_something_to_stand_for),
      cmocka_unit_test(a_star_allows_every_page),
      cmocka_unit_test(without_a_list_only_the_own_host_passes),
      cmocka_unit_test(the_console_is_at_the_same_host),
      cmocka_unit_test(a_host_is_safe_when_nobody_can_own_its_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
