/* SPDX-License-Identifier: MIT
 * Tests of protocol/envelope. Texts are copied into blocks of exactly their
 * size, so that AddressSanitizer sees a byte read too far. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "protocol/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `data` of the result points into freed memory: see keeps_data_as_it_is. */
static int parse_len(const char *text, size_t len, struct envelope *out,
                     const char **why) {
  char *copy = malloc(len ? len : 1);
  memcpy(copy, text, len);
  memset(out, 0xa5, sizeof(*out));
  int err = envelope_parse(copy, len, out, why);
  free(copy);
  return err;
}

static int parse(const char *text, struct envelope *out) {
  return parse_len(text, strlen(text), out, NULL);
}

static void bad(const char *text, const char *key) {
  struct envelope e;
  const char *why = NULL;
  if (parse_len(text, strlen(text), &e, &why) != ERR_BAD_REQUEST)
    fail_msg("not a bad request: %s", text);
  if (strncmp(why, key, strlen(key)) != 0)
    fail_msg("%s: \"%s\" does not begin with %s", text, why, key);
}

static void reads_the_plain_form(void **state) {
  struct envelope e;
  (void)state;
  assert_int_equal(parse("{\"type\":\"chat.send\"}", &e), 0);
  assert_string_equal(e.type, "chat.send");
  assert_int_equal(e.type_len, 9);
  assert_null(e.data);
  assert_int_equal(e.id.kind, MSG_ID_NONE);
  assert_int_equal(parse(" { \"id\" : 7 , \"type\" : \"a\" } ", &e), 0);
  assert_int_equal(e.id.kind, MSG_ID_INT);
  assert_int_equal(e.id.number, 7);
  assert_int_equal(parse("{\"id\":\"\xd1\x8f\",\"type\":\"a\"}", &e), 0);
  assert_int_equal(e.id.kind, MSG_ID_STRING);
  assert_int_equal(e.id.len, 2);
  assert_memory_equal(e.id.text, "\xd1\x8f", 2);
}

static void keeps_data_as_it_is(void **state) {
  static const char *const values[] = {"null", "[1, 2]", "{\"type\":\"x\"}",
                                       "\"\\n\"", "-1.50"};
  struct envelope e;
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
    char text[64];
    snprintf(text, sizeof(text), "{\"type\":\"t\",\"data\": %s }", values[i]);
    assert_int_equal(envelope_parse(text, strlen(text), &e, NULL), 0);
    assert_int_equal(e.data_len, strlen(values[i]));
    assert_memory_equal(e.data, values[i], e.data_len);
  }
}

static void understands_escapes(void **state) {
  struct envelope e;
  (void)state;
  assert_int_equal(
      parse("{\"\\u0074ype\":\"a\\u002eb\",\"\\u0069d\":\"\\\"\"}", &e), 0);
  assert_string_equal(e.type, "a.b");
  assert_int_equal(e.id.len, 1);
  assert_int_equal(e.id.text[0], '"');
  assert_int_equal(parse("{\"type\":\"a\",\"\\u0074ypes and more\":1}", &e), 0);
}

static void last_key_wins(void **state) {
  struct envelope e;
  (void)state;
  assert_int_equal(parse("{\"type\":5,\"type\":\"a\",\"type\":\"b\","
                         "\"id\":[],\"id\":\"x\",\"id\":3}",
                         &e),
                   0);
  assert_string_equal(e.type, "b");
  assert_int_equal(e.id.kind, MSG_ID_INT);
  assert_int_equal(e.id.number, 3);
  bad("{\"type\":\"a\",\"type\":null}", "type");
  bad("{\"type\":\"a\",\"id\":1,\"id\":null}", "id");
}

static void ignores_unknown_keys(void **state) {
  struct envelope e;
  (void)state;
  assert_int_equal(parse("{\"\":1,\"Type\":2,\"typ\":[{}],\"type\":\"a\","
                         "\"types\":0,\"room\":\"r\"}",
                         &e),
                   0);
}

static void refuses_wrong_types(void **state) {
  char text[200];
  struct envelope e;
  (void)state;
  bad("{}", "type");
  bad("{\"data\":1}", "type");
  bad("{\"type\":null}", "type");
  bad("{\"type\":[\"a\"]}", "type");
  bad("{\"type\":\"\"}", "type");
  bad("{\"type\":\"@auth\"}", "type");
  bad("{\"type\":\"$x\"}", "type");
  bad("{\"type\":\"a b\"}", "type");
  bad("{\"type\":\"a\\u0000\"}", "type");
  bad("{\"type\":\"\xd1\x8f\"}", "type");
  snprintf(text, sizeof(text), "{\"type\":\"%064d\"}", 0);
  assert_int_equal(parse(text, &e), 0);
  assert_int_equal(e.type_len, 64);
  snprintf(text, sizeof(text), "{\"type\":\"%065d\"}", 0);
  bad(text, "type");
  bad("[]", "a message");
  bad("5", "a message");
  bad("\"type\"", "a message");
}

static void refuses_wrong_ids(void **state) {
  static const char *const ids[] = {"0",        "-1",
                                    "-0",       "1.0",
                                    "1e3",      "9007199254740992",
                                    "1e999999", "99999999999999999999999",
                                    "null",     "true",
                                    "[1]",      "{}",
                                    "\"\""};
  char text[200];
  struct envelope e;
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
    snprintf(text, sizeof(text), "{\"type\":\"a\",\"id\":%s}", ids[i]);
    if (strcmp(ids[i], "1e999999") == 0)
      assert_int_equal(parse(text, &e), ERR_BAD_JSON);
    else
      bad(text, "id");
  }
  assert_int_equal(parse("{\"type\":\"a\",\"id\":9007199254740991}", &e), 0);
  assert_true(e.id.number == MSG_ID_MAX);
  snprintf(text, sizeof(text), "{\"type\":\"a\",\"id\":\"%064d\"}", 0);
  assert_int_equal(parse(text, &e), 0);
  snprintf(text, sizeof(text), "{\"type\":\"a\",\"id\":\"%065d\"}", 0);
  bad(text, "id");
}

static void keeps_the_id_of_a_bad_request(void **state) {
  struct envelope e;
  (void)state;
  assert_int_equal(parse("{\"type\":5,\"id\":7}", &e), ERR_BAD_REQUEST);
  assert_int_equal(e.id.number, 7);
  assert_int_equal(parse("{\"id\":\"x\"}", &e), ERR_BAD_REQUEST);
  assert_int_equal(e.id.kind, MSG_ID_STRING);
  assert_int_equal(parse("{\"id\":\"x\",\"id\":{}}", &e), ERR_BAD_REQUEST);
  assert_int_equal(e.id.kind, MSG_ID_NONE);
}

/* All lengths around that of the longest name, and of what an escaped one is
 * decoded to. */
static void reads_keys_with_escapes(void **state) {
  struct envelope e;
  char text[128], key[32] = "";
  (void)state;
  assert_int_equal(parse("{\"\\u0074raceparent\":\"00-1\",\"type\":\"a\"}", &e),
                   0);
  assert_int_equal(e.traceparent.len, 4);
  for (size_t len = 0; len < 30; len++) {
    snprintf(text, sizeof text, "{\"\\u0074%s\":1,\"typ\\u0065\":\"a\"}", key);
    assert_int_equal(parse(text, &e), 0);
    assert_string_equal(e.type, "a");
    assert_int_equal(e.traceparent.len, 0);
    key[len] = 'x';
    key[len + 1] = '\0';
  }
}

static void refuses_what_is_not_json(void **state) {
  static const char text[] = "{\"type\":\"a\\u0062\",\"id\":\"\\u0031\","
                             "\"other\":[1.5,true],\"data\":{\"k\":null}}";
  struct envelope e;
  (void)state;
  assert_int_equal(parse(text, &e), 0);
  for (size_t len = 0; len < sizeof(text) - 1; len++) {
    assert_int_equal(parse_len(text, len, &e, NULL), ERR_BAD_JSON);
    assert_int_equal(e.id.kind, MSG_ID_NONE);
    assert_null(e.data);
  }
  assert_int_equal(parse("{\"type\":\"a\"}}", &e), ERR_BAD_JSON);
  assert_int_equal(parse("{\"type\":\"a\",}", &e), ERR_BAD_JSON);
  assert_int_equal(parse("{\"type\":\"a\",\"data\":[1,]}", &e), ERR_BAD_JSON);
  assert_int_equal(parse("{\"type\":\"\xff\"}", &e), ERR_BAD_JSON);
}

static void counts_depth(void **state) {
  char text[300] = "{\"type\":\"a\",\"data\":";
  size_t at = strlen(text);
  struct envelope e;
  (void)state;
  memset(text + at, '[', 64);
  memset(text + at + 64, ']', 64);
  text[at + 128] = '}';
  assert_int_equal(parse(text, &e), ERR_BAD_JSON);
  text[at] = ' ';
  text[at + 127] = ' ';
  assert_int_equal(parse(text, &e), 0);
}

static void writes_ids(void **state) {
  struct buf out = {0};
  struct msg_id id = {MSG_ID_INT, (uint64_t)MSG_ID_MAX, 0, ""};
  (void)state;
  msg_id_put(&out, &id);
  buf_putc(&out, ' ');
  id = (struct msg_id){MSG_ID_STRING, 0, 2, "a\""};
  msg_id_put(&out, &id);
  buf_putc(&out, '\0');
  assert_string_equal(out.data, "9007199254740991 \"a\\\"\"");
  buf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_the_plain_form),
      cmocka_unit_test(keeps_data_as_it_is),
      cmocka_unit_test(understands_escapes),
      cmocka_unit_test(last_key_wins),
      cmocka_unit_test(ignores_unknown_keys),
      cmocka_unit_test(refuses_wrong_types),
      cmocka_unit_test(refuses_wrong_ids),
      cmocka_unit_test(keeps_the_id_of_a_bad_request),
      cmocka_unit_test(reads_keys_with_escapes),
      cmocka_unit_test(refuses_what_is_not_json),
      cmocka_unit_test(counts_depth),
      cmocka_unit_test(writes_ids),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
