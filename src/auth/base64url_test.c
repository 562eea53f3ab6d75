/* SPDX-License-Identifier: MIT
 * Tests of auth/base64url. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/base64url.h"

#include <stdbool.h>
#include <string.h>

static void decodes(const char *given, const char *expected) {
  unsigned char out[32];
  int len = base64url_decode(given, strlen(given), out);
  assert_int_equal(len, strlen(expected));
  assert_memory_equal(out, expected, strlen(expected));
}

static void decodes_not(const char *given) {
  unsigned char out[32];
  assert_int_equal(base64url_decode(given, strlen(given), out), -1);
}

static void base64_is_strict(void **state) {
  (void)state;
  decodes("", "");
  decodes("Zg", "f");
  decodes("Zm8", "fo");
  decodes("Zm9v", "foo");
  decodes("Zm9vYmE", "fooba");
  decodes("Zm9vYmFy", "foobar");
  decodes("-_9-09Az", "\xfb\xff\x7e\xd3\xd0\x33");
  decodes_not("Z");
  decodes_not("Zm9vY");
  decodes_not("Zh");
  decodes_not("Zm9");
  decodes_not("Zg==");
  decodes_not("Zm9v\n");
  for (int c = 1; c < 256; c++) {
    bool digit = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789-_",
                        c);
    char with[] = {'Z', (char)c, '9', 'v', '\0'};
    unsigned char out[4];
    assert_int_equal(base64url_decode(with, 4, out), digit ? 3 : -1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(base64_is_strict),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
