/* SPDX-License-Identifier: MIT
 * Tests of load/dialect: the texts, and what is understood of them. */
#include "load/dialect.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct dialect *of(const char *name) {
  const struct dialect *dialect = dialect_find(name);
  assert_non_null(dialect);
  return dialect;
}

static void expect(struct buf *out, const char *text) {
  buf_putc(out, '\0');
  assert_string_equal(out->data, text);
  buf_free(out);
}

static void expect_messages(const char *name, const char *echo,
                            const char *room, const char *user) {
  struct buf out = {0}, data = {0};
  buf_puts(&data, "[1]");
  struct utterance said = {
      .type = "e", .id = 7, .from = 1, .to = 26, .data = &data};
  of(name)->put_echo(&out, &said);
  expect(&out, echo);
  said.id = 0;
  of(name)->put_room(&out, &said);
  expect(&out, room);
  of(name)->put_user(&out, &said);
  expect(&out, user);
  buf_free(&data);
}

static void says_messages(void **state) {
  (void)state;
  expect_messages("json", "{\"type\":\"e\",\"id\":7,\"data\":[1]}",
                  "{\"type\":\"bench.room\",\"data\":{\"room\":\"bench-27\","
                  "\"data\":[1]}}",
                  "{\"type\":\"bench.user\",\"data\":{\"to\":\"bench-27\","
                  "\"data\":[1]}}");
  expect_messages("raw", "E{\"type\":\"reply\",\"id\":7,\"data\":[1]}",
                  "P0000001a{\"type\":\"bench.room\",\"room\":\"bench-27\","
                  "\"data\":{\"room\":\"bench-27\",\"from\":\"bench-2\","
                  "\"data\":[1]}}",
                  "U0000001a{\"type\":\"bench.user\",\"data\":{"
                  "\"from\":\"bench-2\",\"data\":[1]}}");
  expect_messages("socketio", "42[\"e\",[1]]",
                  "42[\"bench.room\",{\"room\":\"bench-27\",\"data\":[1]}]",
                  "42[\"bench.user\",{\"to\":\"bench-27\",\"data\":[1]}]");
}

static void comes_in(void **state) {
  static const struct {
    const char *name, *auth, *join;
  } texts[] = {
      {"json", "{\"type\":\"auth\",\"data\":{\"token\":\"t\"}}",
       "{\"type\":\"join\",\"id\":1,\"data\":{\"room\":\"bench-1\"}}"},
      {"session",
       "{\"type\":\"auth\",\"data\":{\"session\":{},\"token\":\"t\"}}",
       "{\"type\":\"join\",\"id\":1,\"data\":{\"room\":\"bench-1\"}}"},
      {"raw", "A00000004{\"type\":\"auth_ok\"}",
       "J00000000{\"type\":\"reply\",\"id\":1}"},
      {"socketio", "40{\"token\":\"t\"}",
       "421[\"join\",{\"room\":\"bench-1\"}]"},
  };
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
    struct buf out = {0};
    of(texts[i].name)->put_auth(&out, 4, "t");
    expect(&out, texts[i].auth);
    of(texts[i].name)->put_join(&out, 0);
    expect(&out, texts[i].join);
  }
}

static void acknowledges(void **state) {
  struct buf out = {0};
  (void)state;
  of("json")->put_pong(&out, 7);
  expect(&out, "{\"type\":\"pong\"}");
  of("session")->put_pong(&out, 7);
  expect(&out, "{\"type\":\"pong\",\"data\":{\"received\":7}}");
}

static void hears(void **state) {
  static const struct {
    const char *name, *text, *type;
  } texts[] = {
      {"json", "{\"type\":\"auth_ok\"}", "auth_ok"},
      {"raw", "{\"type\":\"reply\",\"id\":1}", "reply"},
      {"socketio", "0{\"sid\":\"x\"}", "hello"},
      {"socketio", "2", "ping"},
      {"socketio", "40{\"sid\":\"x\"}", "auth_ok"},
      {"socketio", "431[]", "reply"},
      {"socketio", "44{\"message\":\"INVALID_TOKEN\"}", "error"},
      {"socketio", "41", "error"},
      {"socketio", "42[\"room\"]", ""},
  };
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
    struct envelope env;
    const char *text = texts[i].text;
    assert_int_equal(of(texts[i].name)->hear(text, strlen(text), &env), 0);
    assert_string_equal(env.type, texts[i].type);
  }
}

static void has_a_default(void **state) {
  (void)state;
  assert_string_equal(dialect_default()->name, "json");
  assert_null(dialect_find("jsonp"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(says_messages), cmocka_unit_test(comes_in),
      cmocka_unit_test(acknowledges),  cmocka_unit_test(hears),
      cmocka_unit_test(has_a_default),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
