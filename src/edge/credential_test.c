/* SPDX-License-Identifier: MIT
 * Tests of edge/credential. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/credential.h"

#include <string.h>

static void is_cookie(const char *cookies, const char *expected) {
  size_t len = 0;
  const char *value = credential_cookie(cookies, "sid", &len);
  assert_non_null(value);
  assert_int_equal(len, strlen(expected));
  assert_memory_equal(value, expected, len);
}

static void no_cookie(const char *cookies) {
  size_t len;
  assert_null(credential_cookie(cookies, "sid", &len));
}

static void a_cookie_is_found_by_its_whole_name(void **state) {
  (void)state;
  is_cookie("sid=abc", "abc");
  is_cookie("a=b; sid=abc; c=d", "abc");
  is_cookie("a=b;sid=abc", "abc");
  is_cookie("xsid=no; sid=abc", "abc");
  is_cookie("sidx=no; sid=abc", "abc");
  is_cookie("a=sid=no; sid=a=b==", "a=b==");
  is_cookie("sid=\"abc\"", "abc");
  is_cookie("sid=abc \t; x", "abc");
  is_cookie(";; ;sid=first; sid=second", "first");
  is_cookie("sid=\"", "\"");
}

static void what_is_not_there_is_not_found(void **state) {
  (void)state;
  no_cookie("");
  no_cookie("sid");
  no_cookie("sid=");
  no_cookie("sid=\"\"");
  no_cookie("SID=abc");
  no_cookie("xsid=abc");
  no_cookie("a=sid=abc");
  no_cookie("a=\"; sid");
  no_cookie("  ;;  ");
}

static void a_bearer_token_is_one(void **state) {
  (void)state;
  assert_string_equal(credential_bearer("Bearer abc"), "abc");
  assert_string_equal(credential_bearer("bearer  a.b.c"), "a.b.c");
  assert_null(credential_bearer("Basic abc"));
  assert_null(credential_bearer("Bearer"));
  assert_null(credential_bearer("Bearer "));
  assert_null(credential_bearer("Bearerabc"));
  assert_null(credential_bearer(""));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_cookie_is_found_by_its_whole_name),
      cmocka_unit_test(what_is_not_there_is_not_found),
      cmocka_unit_test(a_bearer_token_is_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
