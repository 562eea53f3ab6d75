/* SPDX-License-Identifier: MIT
 * Links and sessions: used once, too old, too many, other keys. */
#include "api/console_sessions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1000, LENGTH = 5000 };

static struct console_sessions sessions;
static struct api_keys *keys;

static const struct api_key *first_key(void) {
  return &keys->list[0];
}

static struct slice text_of(const char *text) {
  return (struct slice){text, strlen(text)};
}

static int open_sessions(void **state) {
  (void)state;
  keys = api_keys_new("ops:12345678901234567890123456789012,"
                      "shop:send:22345678901234567890123456789012");
  console_sessions_init(&sessions);
  return 0;
}

static int close_sessions(void **state) {
  (void)state;
  console_sessions_free(&sessions);
  api_keys_free(keys);
  return 0;
}

static void link_is_for_once(void **state) {
  char secret[CONSOLE_SECRET_BYTES + 1];
  struct api_key key;
  (void)state;
  assert_true(console_sessions_link(&sessions, first_key(), NOW, secret));
  assert_true(console_sessions_follow(&sessions, text_of(secret), NOW, &key));
  assert_string_equal(key.name, "ops");
  assert_false(console_sessions_follow(&sessions, text_of(secret), NOW, &key));
}

static void link_gets_too_old(void **state) {
  char secret[CONSOLE_SECRET_BYTES + 1];
  struct api_key key;
  (void)state;
  assert_true(console_sessions_link(&sessions, first_key(), NOW, secret));
  assert_false(console_sessions_follow(&sessions, text_of(secret),
                                       NOW + CONSOLE_LINK_MS, &key));
}

static void session_needs_both(void **state) {
  char cookie[CONSOLE_SECRET_BYTES + 1], page[CONSOLE_SECRET_BYTES + 1];
  struct api_key key;
  (void)state;
  assert_true(console_sessions_begin(&sessions, first_key(), NOW, LENGTH,
                                     cookie, page));
  assert_true(console_sessions_find(&sessions, text_of(cookie), text_of(page),
                                    NOW + LENGTH - 1, &key));
  assert_false(console_sessions_find(&sessions, text_of(page), text_of(cookie),
                                     NOW, &key));
  assert_false(console_sessions_find(&sessions, text_of(cookie), text_of(""),
                                     NOW, &key));
  assert_false(console_sessions_find(&sessions, text_of(cookie), text_of(page),
                                     NOW + LENGTH, &key));
  console_sessions_end(&sessions, text_of(cookie));
  assert_false(console_sessions_find(&sessions, text_of(cookie), text_of(page),
                                     NOW, &key));
}

static void oldest_makes_room(void **state) {
  char cookie[CONSOLE_SECRET_BYTES + 1], page[CONSOLE_SECRET_BYTES + 1];
  char other[CONSOLE_SECRET_BYTES + 1], rest[CONSOLE_SECRET_BYTES + 1];
  struct api_key key;
  (void)state;
  assert_true(console_sessions_begin(&sessions, first_key(), NOW, LENGTH,
                                     cookie, page));
  for (int i = 0; i < CONSOLE_SESSIONS_MAX; i++)
    assert_true(console_sessions_begin(&sessions, first_key(), NOW + 1, LENGTH,
                                       other, rest));
  assert_false(console_sessions_find(&sessions, text_of(cookie), text_of(page),
                                     NOW, &key));
  assert_true(console_sessions_find(&sessions, text_of(other), text_of(rest),
                                    NOW, &key));
}

static bool holds_with(const char *list) {
  char cookie[CONSOLE_SECRET_BYTES + 1], page[CONSOLE_SECRET_BYTES + 1];
  struct api_keys *others = api_keys_new(list);
  struct api_key key;
  assert_true(console_sessions_begin(&sessions, first_key(), NOW, LENGTH,
                                     cookie, page));
  console_sessions_review(&sessions, others);
  bool holds = console_sessions_find(&sessions, text_of(cookie), text_of(page),
                                     NOW, &key);
  api_keys_free(others);
  return holds;
}

static void key_has_to_stay(void **state) {
  (void)state;
  assert_true(holds_with("now:admin:12345678901234567890123456789012"));
  assert_false(holds_with("ops:read:12345678901234567890123456789012"));
  assert_false(holds_with("ops:32345678901234567890123456789012"));
  assert_false(holds_with(""));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(link_is_for_once, open_sessions,
                                      close_sessions),
      cmocka_unit_test_setup_teardown(link_gets_too_old, open_sessions,
                                      close_sessions),
      cmocka_unit_test_setup_teardown(session_needs_both, open_sessions,
                                      close_sessions),
      cmocka_unit_test_setup_teardown(oldest_makes_room, open_sessions,
                                      close_sessions),
      cmocka_unit_test_setup_teardown(key_has_to_stay, open_sessions,
                                      close_sessions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
