/* SPDX-License-Identifier: MIT
 * Tests of net/fetch_head. */
#include "net/fetch_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void take(struct fetch_head *head, const char *line) {
  assert_true(fetch_head_take(head, line, strlen(line)));
}

static void check(const struct fetch_head *head, const char *text, size_t len) {
  assert_int_equal(head->text.len, len);
  assert_memory_equal(head->text.data, text, len);
}

static void headers_are_names_and_values(void **state) {
  static const char text[] =
      "a\0b: c\0x-empty\0\0folded\0one two\0late\0begins here";
  struct fetch_head head = {0};
  (void)state;
  take(&head, "HTTP/1.1 200 OK\r\n");
  take(&head, "A: b: c\r\n");
  take(&head, "X-Empty:\r\n");
  take(&head, "no colon\r\n");
  take(&head, "Folded: \t one\r\n");
  take(&head, " \t two \r\n");
  take(&head, " \t\r\n");
  take(&head, "Late:\r\n");
  take(&head, " begins here\r\n");
  assert_true(fetch_head_take(&head, "zero: \0\r\n", 9));
  take(&head, "\r\n");
  take(&head, "Trailer: late\r\n");
  check(&head, text, sizeof text);
  fetch_head_free(&head);
}

static void the_last_answer_counts(void **state) {
  struct fetch_head head = {0};
  (void)state;
  take(&head, "HTTP/1.1 100 Continue\r\n");
  take(&head, " begins with nothing to fold\r\n");
  take(&head, "a: 1\r\n");
  take(&head, "\r\n");
  take(&head, "HTTP/1.1 200 OK\r\n");
  take(&head, "HTTP/2: is a name like others\r\n");
  take(&head, "\n");
  check(&head, "http/2\0is a name like others", 29);
  fetch_head_free(&head);
}

static void all_answers_together_are_bounded(void **state) {
  struct fetch_head head = {0};
  int taken = 0;
  (void)state;
  take(&head, "HTTP/1.1 100 Continue\r\n");
  while (fetch_head_take(&head, "\r\n", 2) &&
         fetch_head_take(&head, "HTTP/1.1 100 \r\n", 15))
    taken++;
  assert_in_range(taken, 500, FETCH_HEAD_BYTES / FETCH_HEAD_LINE / 2);
  fetch_head_free(&head);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(headers_are_names_and_values),
      cmocka_unit_test(the_last_answer_counts),
      cmocka_unit_test(all_answers_together_are_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
