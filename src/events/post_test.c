/* SPDX-License-Identifier: MIT
 * Tests of events/post and events/signature: what an answer means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "events/event.h"
#include "events/post.h"
#include "events/signature.h"
#include "net/retry.h"

#include <string.h>

static enum post_verdict verdict_of(int status) {
  struct fetch_result result = {.code = FETCH_OK, .status = status};
  return post_verdict(&result);
}

static void statuses_have_a_meaning(void **state) {
  struct fetch_result gone = {.code = FETCH_REFUSED};
  (void)state;
  assert_int_equal(verdict_of(200), POST_TAKEN);
  assert_int_equal(verdict_of(204), POST_TAKEN);
  assert_int_equal(verdict_of(400), POST_REFUSED);
  assert_int_equal(verdict_of(404), POST_REFUSED);
  assert_int_equal(verdict_of(408), POST_LATER);
  assert_int_equal(verdict_of(429), POST_LATER);
  assert_int_equal(verdict_of(503), POST_LATER);
  assert_int_equal(verdict_of(500), POST_FAILED);
  assert_int_equal(verdict_of(302), POST_FAILED);
  assert_int_equal(post_verdict(&gone), POST_LATER);
}

static uint64_t after(const char *value, int64_t now_s) {
  char text[128];
  int len = snprintf(text, sizeof text, "retry-after%c%s%c", 0, value, 0);
  struct fetch_result result = {
      .code = FETCH_OK, .status = 503, .headers = {text, (size_t)len}};
  return retry_after_ms(&result, now_s);
}

static void retry_after_is_seconds_or_a_date(void **state) {
  struct fetch_result none = {.code = FETCH_OK, .status = 503};
  (void)state;
  assert_int_equal(after("5", 0), 5000);
  assert_int_equal(after("0", 0), 0);
  assert_int_equal(after("nonsense", 0), 0);
  assert_int_equal(after("99999999", 0), RETRY_AFTER_MAX_MS);
  assert_int_equal(after("Thu, 01 Jan 1970 00:01:00 GMT", 50), 10000);
  assert_int_equal(after("Thu, 01 Jan 1970 00:01:00 GMT", 70), 0);
  assert_int_equal(retry_after_ms(&none, 0), 0);
}

static const char *text_of(const char *body, size_t len) {
  static char text[8];
  /* Behind the body there is no zero: it ends where it ends. */
  struct fetch_result result = {.body = body, .body_len = len};
  post_answer_text(&result, text, sizeof text);
  return text;
}

static void answers_become_texts(void **state) {
  (void)state;
  assert_string_equal(text_of("", 0), "");
  assert_string_equal(text_of("no and more", 2), "no");
  assert_string_equal(text_of("much longer", 11), "much lo");
  assert_string_equal(text_of("sechsü!", 8), "sechsü");
  assert_string_equal(text_of("sieben\u00fc", 8), "sieben");
  assert_string_equal(text_of("a\xff\0b", 4), "a??b");
}

static void the_wait_doubles_up_to_a_bound(void **state) {
  (void)state;
  for (int i = 0; i < 1000; i++) {
    assert_true(retry_wait_ms(1) <= 100);
    assert_true(retry_wait_ms(4) <= 800);
    assert_true(retry_wait_ms(1000) <= 30000);
  }
}

/* The value is that of `openssl dgst -sha256 -hmac key`. */
static void the_signature_is_an_hmac(void **state) {
  struct buf out = {0};
  (void)state;
  signature_put("key", 1, "{}", 2, &out);
  buf_putc(&out, 0);
  assert_string_equal(
      out.data,
      "t=1,v1="
      "1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224");
  buf_free(&out);
}

static void types_are_checked(void **state) {
  char *chosen[] = {"user.*", "order.made", NULL};
  char *all[] = {"*", NULL};
  (void)state;
  assert_null(event_type_fault("order.made", 10));
  assert_non_null(event_type_fault("", 0));
  assert_non_null(event_type_fault("a b", 3));
  assert_non_null(event_type_fault("a\0b", 3));
  assert_non_null(event_type_fault("user.online", 11));
  assert_true(event_is_chosen(chosen, "user.offline"));
  assert_true(event_is_chosen(chosen, "order.made"));
  assert_false(event_is_chosen(chosen, "order.made2"));
  assert_false(event_is_chosen(chosen, "room.vacated"));
  assert_true(event_is_chosen(all, "x"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(statuses_have_a_meaning),
      cmocka_unit_test(retry_after_is_seconds_or_a_date),
      cmocka_unit_test(answers_become_texts),
      cmocka_unit_test(the_wait_doubles_up_to_a_bound),
      cmocka_unit_test(the_signature_is_an_hmac),
      cmocka_unit_test(types_are_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
