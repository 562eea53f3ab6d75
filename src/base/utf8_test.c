/* SPDX-License-Identifier: MIT
 * Tests of base/utf8: in pieces a text is what it is as a whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

#include <string.h>

/* The text in two pieces. */
static bool is_valid(const char *text, size_t len, size_t cut) {
  struct utf8 utf8 = {0};
  return utf8_feed(&utf8, text, cut) &&
         utf8_feed(&utf8, text + cut, len - cut) && utf8_is_whole(&utf8);
}

/* All texts of four of the bytes where something begins or ends. */
static void is_the_same_wherever_it_is_cut(void **state) {
  static const unsigned char bytes[] = {
      'a',  0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
      0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
  enum { N = sizeof bytes };
  (void)state;
  for (size_t i = 0; i < N * N * N * N; i++) {
    char text[] = {(char)bytes[i % N], (char)bytes[i / N % N],
                   (char)bytes[i / N / N % N], (char)bytes[i / N / N / N]};
    for (size_t cut = 0; cut <= sizeof text; cut++)
      if (is_valid(text, sizeof text, cut) != utf8_valid(text, sizeof text))
        fail_msg("%02x %02x %02x %02x cut at %zu", text[0] & 0xff,
                 text[1] & 0xff, text[2] & 0xff, text[3] & 0xff, cut);
  }
}

static void a_character_may_come_byte_by_byte(void **state) {
  static const char text[] = "κόσμε – \xf0\x9f\x98\x80 – plain text again";
  struct utf8 utf8 = {0};
  (void)state;
  for (size_t i = 0; i < sizeof text - 1; i++)
    assert_true(utf8_feed(&utf8, text + i, 1));
  assert_true(utf8_is_whole(&utf8));
}

static void half_a_character_is_no_end(void **state) {
  static const char *const halves[] = {"\xc3", "\xe2\x82", "\xf0\x9f\x98",
                                       "plain \xf0"};
  (void)state;
  for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
    struct utf8 utf8 = {0};
    assert_true(utf8_feed(&utf8, halves[i], strlen(halves[i])));
    assert_false(utf8_is_whole(&utf8));
  }
}

/* With the second byte, not with the last. */
static void what_cannot_be_right_is_known_early(void **state) {
  static const char *const wrong[] = {"\xc0",     "\xc1",     "\xe0\x9f",
                                      "\xed\xa0", "\xf0\x8f", "\xf4\x90",
                                      "\xf5",     "\x80",     "\xe2\x41"};
  (void)state;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct utf8 utf8 = {0};
    assert_false(utf8_feed(&utf8, wrong[i], strlen(wrong[i])));
  }
}

static void nothing_is_a_piece_too(void **state) {
  struct utf8 utf8 = {0};
  (void)state;
  assert_true(utf8_feed(&utf8, "", 0));
  assert_true(utf8_is_whole(&utf8));
  assert_true(utf8_feed(&utf8, "\xc3", 1));
  assert_true(utf8_feed(&utf8, "", 0));
  assert_false(utf8_is_whole(&utf8));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_the_same_wherever_it_is_cut),
      cmocka_unit_test(a_character_may_come_byte_by_byte),
      cmocka_unit_test(half_a_character_is_no_end),
      cmocka_unit_test(what_cannot_be_right_is_known_early),
      cmocka_unit_test(nothing_is_a_piece_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
