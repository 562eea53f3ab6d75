/* SPDX-License-Identifier: MIT
 * Tests of wire/preface: both versions, whole, in pieces and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "wire/preface.h"

#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4_BYTES  "\xcb\x00\x71\x07\x7f\x00\x00\x01\x13\x88\x00\x50"
#define V6_BYTES                                                               \
  "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"                                   \
  "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\x13\x88\x00\x50"

#define TEXT(literal) (literal), sizeof(literal) - 1

/* It is read whole, and each part of it wants more; what comes behind it does
 * not matter. */
static void names(const char *data, size_t len, const char *address) {
  struct preface preface;
  char longer[512];
  for (size_t part = 0; part < len; part++)
    assert_int_equal(preface_read(data, part, &preface), PREFACE_MORE);
  assert_int_equal(preface_read(data, len, &preface), PREFACE_DONE);
  assert_int_equal(preface.len, len);
  assert_string_equal(preface.address, address);
  memcpy(longer, data, len);
  memcpy(longer + len, "GET / ", 6);
  assert_int_equal(preface_read(longer, len + 6, &preface), PREFACE_DONE);
  assert_int_equal(preface.len, len);
  assert_string_equal(preface.address, address);
}

static void a_line_names_the_client(void **state) {
  (void)state;
  names(TEXT("PROXY TCP4 203.0.113.7 127.0.0.1 5000 80\r\n"), "203.0.113.7");
  names(TEXT("PROXY TCP4 203.0.113.7 127.0.0.1 0 65535\r\n"), "203.0.113.7");
  names(TEXT("PROXY TCP6 2001:DB8:0::7 ::1 5000 80\r\n"), "2001:db8::7");
  names(TEXT("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
             "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void bytes_name_the_client(void **state) {
  (void)state;
  names(TEXT(SIGNATURE "\x21\x11\x00\x0c" V4_BYTES), "203.0.113.7");
  names(TEXT(SIGNATURE "\x21\x21\x00\x24" V6_BYTES), "2001:db8::1");
  /* With a value behind the addresses. */
  names(TEXT(SIGNATURE "\x21\x11\x00\x10" V4_BYTES "\x04\x00\x01x"),
        "203.0.113.7");
}

static void a_proxy_may_speak_for_itself(void **state) {
  (void)state;
  names(TEXT("PROXY UNKNOWN\r\n"), "");
  names(TEXT("PROXY UNKNOWN ffff:f::1 ::1 65535 65535\r\n"), "");
  names(TEXT(SIGNATURE "\x20\x00\x00\x00"), "");
  names(TEXT(SIGNATURE "\x20\x11\x00\x0c" V4_BYTES), "");
  names(TEXT(SIGNATURE "\x21\x00\x00\x03"
                       "abc"),
        "");
}

static void is(enum preface_result expected, const char *data, size_t len) {
  struct preface preface;
  assert_int_equal(preface_read(data, len, &preface), expected);
}

static void what_is_broken_is_refused(void **state) {
  static const char *const lines[] = {
      "PROXY \r\n",
      "PROXY TCP4\r\n",
      "PROXY TCP4 203.0.113.7 127.0.0.1 5000\r\n",
      "PROXY TCP4 203.0.113.7 127.0.0.1 5000 80 \r\n",
      "PROXY TCP4 203.0.113.7 127.0.0.1 5000 80\n",
      "PROXY TCP4  203.0.113.7 127.0.0.1 5000 80\r\n",
      "PROXY TCP4 203.0.113.7 127.0.0.1 5000 65536\r\n",
      "PROXY TCP4 203.0.113.7 127.0.0.1 05000 80\r\n",
      "PROXY TCP4 203.0.113.7 127.0.0.1 -1 80\r\n",
      "PROXY TCP4 203.0.113 127.0.0.1 5000 80\r\n",
      "PROXY TCP4 ::1 ::1 5000 80\r\n",
      "PROXY TCP6 203.0.113.7 127.0.0.1 5000 80\r\n",
      "PROXY UDP4 203.0.113.7 127.0.0.1 5000 80\r\n",
      "PROXY tcp4 203.0.113.7 127.0.0.1 5000 80\r\n",
      "PROXY UNKNOWNS\r\n",
  };
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
    is(PREFACE_BAD, lines[i], strlen(lines[i]));
  is(PREFACE_BAD, TEXT("PROXY UNKNOWN \0\r\n"));
  char endless[120];
  memset(endless, 'x', sizeof endless);
  memcpy(endless, "PROXY UNKNOWN ", 14);
  is(PREFACE_MORE, endless, 106);
  is(PREFACE_BAD, endless, 107);
  is(PREFACE_BAD, TEXT(SIGNATURE "\x11\x11\x00\x0c" V4_BYTES));
  is(PREFACE_BAD, TEXT(SIGNATURE "\x22\x11\x00\x0c" V4_BYTES));
  is(PREFACE_BAD, TEXT(SIGNATURE "\x21\x12\x00\x0c" V4_BYTES));
  is(PREFACE_BAD, TEXT(SIGNATURE "\x21\x11\x00\x0b" V4_BYTES));
  is(PREFACE_BAD, TEXT(SIGNATURE "\x21\x21\x00\x0c" V4_BYTES));
  is(PREFACE_BAD, TEXT(SIGNATURE "\x21\x31\x00\x0c" V4_BYTES));
  is(PREFACE_BAD, TEXT(SIGNATURE "\x21\x11\x0f\xf1"));
  is(PREFACE_MORE, TEXT(SIGNATURE "\x21\x11\x0f\xf0"));
}

static void anything_else_is_none(void **state) {
  (void)state;
  is(PREFACE_MORE, TEXT(""));
  is(PREFACE_NONE, TEXT("GET / HTTP/1.1\r\n"));
  is(PREFACE_NONE, TEXT("PROXX"));
  is(PREFACE_NONE, TEXT("PROPFIND / HTTP/1.1\r\n"));
  is(PREFACE_NONE, TEXT("\x16\x03\x01"));
  is(PREFACE_NONE, TEXT("\r\n\r\n\0\r\nQUIX"));
  is(PREFACE_NONE, TEXT("\r\nGET / HTTP/1.1\r\n"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_line_names_the_client),
      cmocka_unit_test(bytes_name_the_client),
      cmocka_unit_test(a_proxy_may_speak_for_itself),
      cmocka_unit_test(what_is_broken_is_refused),
      cmocka_unit_test(anything_else_is_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
