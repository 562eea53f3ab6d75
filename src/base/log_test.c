/* SPDX-License-Identifier: MIT
 * Tests of base/log: what arrives at standard error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"

#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Standard error is this pipe from `capture` to `written`, so that failures
 * are still seen. It holds more than the longest line. */
static int real_stderr, ends[2];
static char line[2 * LOG_LINE_BYTES];

static int setup(void **state) {
  (void)state;
  real_stderr = dup(STDERR_FILENO);
  return pipe2(ends, O_NONBLOCK);
}

static int teardown(void **state) {
  (void)state;
  return close(real_stderr) || close(ends[0]) || close(ends[1]);
}

static void capture(void) {
  dup2(ends[1], STDERR_FILENO);
}

/* What was written since `capture`. */
static const char *written(void) {
  dup2(real_stderr, STDERR_FILENO);
  ssize_t n = read(ends[0], line, sizeof line - 1);
  line[n > 0 ? n : 0] = 0;
  return line;
}

/* Whether the text begins with a pattern; 0 stands for any digit. */
static bool begins(const char *text, const char *pattern) {
  for (; *pattern; pattern++, text++)
    if (*pattern == '0' ? *text < '0' || *text > '9' : *text != *pattern)
      return false;
  return true;
}

#define TIME "0000-00-00T00:00:00.000Z"

static const char *text_after_head(void) {
  const char *text = written();
  if (!begins(text, TIME " info  "))
    fail_msg("no head: %s", text);
  return text + strlen(TIME " info  ");
}

static const char *json_after_head(void) {
  static const char head[] =
      "{\"time\":\"" TIME "\",\"level\":\"info\",\"msg\":";
  const char *text = written();
  if (!begins(text, head))
    fail_msg("no head: %s", text);
  return text + strlen(head);
}

static void a_line_has_time_and_level(void **state) {
  (void)state;
  log_setup(LOG_DEBUG, LOG_TEXT);
  capture();
  log_debug("one %d", 1);
  assert_true(begins(written(), TIME " debug one "));
  capture();
  log_warn("two");
  assert_true(begins(written(), TIME " warn  two\n"));
  capture();
  log_error("three");
  assert_true(begins(written(), TIME " error three\n"));
  capture();
  log_info("conn=%d user=%s authenticated", 12, "42");
  assert_string_equal(text_after_head(), "conn=12 user=42 authenticated\n");
}

static int times;
static int count_times(void) {
  return ++times;
}

static void below_the_level_nothing_is_done(void **state) {
  (void)state;
  log_setup(LOG_WARN, LOG_TEXT);
  times = 0;
  capture();
  log_info("%d", count_times());
  capture();
  log_debug("%d", count_times());
  assert_string_equal(written(), "");
  assert_int_equal(times, 0);
  capture();
  log_warn("%d", count_times());
  assert_int_equal(times, 1);
  assert_true(*written());
}

/* No byte of a peer may begin a line, or reach a terminal as a command. */
static void nobody_forges_a_line(void **state) {
  (void)state;
  log_setup(LOG_INFO, LOG_TEXT);
  capture();
  log_info("user=%s here", "x\n2026-01-31T12:00:00.123Z info  forged");
  assert_string_equal(text_after_head(),
                      "user=x\n"
                      "    2026-01-31T12:00:00.123Z info  forged here\n");
  capture();
  log_info("%s", "a\rb\x1b[2Jc\x7f\x01\b\td");
  assert_string_equal(text_after_head(),
                      "a\\x0db\\x1b[2Jc\\x7f\\x01\\x08  d\n");
  capture();
  log_info("\n\n");
  assert_string_equal(text_after_head(), "\n    \n    \n");
  capture();
  log_info("%s", "\xc2\x9b"
                 "2J \x9b \xc3 \xff");
  assert_string_equal(text_after_head(), "\\xc2\\x9b"
                                         "2J \\x9b \\xc3 \\xff\n");
  capture();
  log_info("%s", "Zo\xc3\xab \"\\");
  assert_string_equal(text_after_head(), "Zo\xc3\xab \"\\\n");
}

static void json_is_one_object_a_line(void **state) {
  (void)state;
  log_setup(LOG_INFO, LOG_JSON);
  capture();
  log_info("%s", "a \"b\" \\ c\nd\re\t\x1b\x7f\x01 Zo\xc3\xab");
  assert_string_equal(json_after_head(),
                      "\"a \\\"b\\\" \\\\ c\\nd\\u000de\\u0009\\u001b\\u007f"
                      "\\u0001 Zo\xc3\xab\"}\n");
  capture();
  log_info("%s", "\"}\n{\"time\":\"forged");
  assert_string_equal(json_after_head(),
                      "\"\\\"}\\n{\\\"time\\\":\\\"forged\"}\n");
  capture();
  log_info("%s", "");
  assert_string_equal(json_after_head(), "\"\"}\n");
}

static bool ends_with(const char *text, const char *tail) {
  size_t len = strlen(text), tail_len = strlen(tail);
  return len >= tail_len && !strcmp(text + len - tail_len, tail);
}

static bool is_utf8(const char *text) {
  return mbstowcs(NULL, text, 0) != (size_t)-1;
}

/* `unit` again and again, one byte more each time, so that the cut falls into
 * every place of it. */
static void cut_everywhere(const char *unit, const char *tail) {
  static char text[2 * LOG_LINE_BYTES];
  size_t len = strlen(unit);
  for (size_t shift = 0; shift <= len; shift++) {
    memset(text, 'x', sizeof text);
    for (size_t at = shift; at + len < sizeof text; at += len)
      memcpy(text + at, unit, len);
    text[sizeof text - len - 1] = 0;
    capture();
    log_info("%s", text);
    written();
    if (strlen(line) > LOG_LINE_BYTES)
      fail_msg("%zu bytes", strlen(line));
    assert_true(strlen(line) > LOG_LINE_BYTES - 64);
    assert_true(ends_with(line, tail));
    assert_true(is_utf8(line));
  }
}

static void long_lines_are_cut(void **state) {
  (void)state;
  log_setup(LOG_INFO, LOG_TEXT);
  cut_everywhere("a", "a…\n");
  cut_everywhere("\x01", "\\x01…\n");
  cut_everywhere("\n", "\n    …\n");
  cut_everywhere("\xf0\x9f\x9a\x80", "\xf0\x9f\x9a\x80…\n");
  log_setup(LOG_INFO, LOG_JSON);
  cut_everywhere("a", "a…\"}\n");
  cut_everywhere("\x01", "\\u0001…\"}\n");
  cut_everywhere("\"", "\\\"…\"}\n");
  cut_everywhere("\xf0\x9f\x9a\x80", "\xf0\x9f\x9a\x80…\"}\n");
}

/* The longest message that fits is whole, the next is cut. */
static void only_long_lines_are_cut(void **state) {
  static char text[LOG_LINE_BYTES];
  size_t longest = 0;
  (void)state;
  log_setup(LOG_INFO, LOG_TEXT);
  memset(text, 'x', sizeof text - 1);
  for (size_t len = LOG_LINE_BYTES - 100; len < LOG_LINE_BYTES; len++) {
    capture();
    log_info("%.*s", (int)len, text);
    bool cut = strstr(written(), "…") != NULL;
    if (!cut) {
      assert_int_equal(strlen(line), strlen(TIME " info  ") + len + 1);
      assert_true(longest == 0 || longest == len - 1);
      longest = len;
    }
  }
  assert_in_range(longest, LOG_LINE_BYTES - 100, LOG_LINE_BYTES - 32);
}

/* What is not UTF-8 would make the line unreadable to a JSON parser. */
static void json_is_utf8_whatever_a_peer_sends(void **state) {
  (void)state;
  log_setup(LOG_INFO, LOG_JSON);
  capture();
  log_info("%s", "a\xff"
                 "b\xc3"
                 "c\xed\xa0\x80"
                 "d\x80"
                 "e\xc3\xab");
  assert_true(is_utf8(written()));
  assert_non_null(strstr(line, "e\xc3\xab\"}\n"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_line_has_time_and_level),
      cmocka_unit_test(below_the_level_nothing_is_done),
      cmocka_unit_test(nobody_forges_a_line),
      cmocka_unit_test(json_is_one_object_a_line),
      cmocka_unit_test(long_lines_are_cut),
      cmocka_unit_test(only_long_lines_are_cut),
      cmocka_unit_test(json_is_utf8_whatever_a_peer_sends),
  };
  if (!setlocale(LC_CTYPE, "C.UTF-8") || setenv("NO_COLOR", "1", 1))
    return 1;
  return cmocka_run_group_tests(tests, setup, teardown);
}
