/* SPDX-License-Identifier: MIT
 * Tests of script/schema. Data is copied into blocks of exactly its size, so
 * that AddressSanitizer sees a byte read too far. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "script/schema.h"
#include "script/schema_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct schema *compile(const char *text) {
  struct buf error = {0};
  struct schema *schema = schema_new(text, strlen(text), &error);
  if (!schema)
    fail_msg("%s: %.*s", text, (int)error.len, error.data);
  assert_int_equal(error.len, 0);
  return schema;
}

/* `want` NULL: it fits. `data` NULL: the message has none. */
static void check(const struct schema *schema, const char *data,
                  const char *want) {
  struct buf why = {0};
  size_t len = data ? strlen(data) : 0;
  char *copy = data ? malloc(len) : NULL;
  if (copy)
    memcpy(copy, data, len);
  int err = schema_check(schema, copy, len, &why);
  buf_putc(&why, 0);
  if (want || err)
    assert_string_equal(why.data, want ? want : "");
  assert_int_equal(err, want ? ERR_BAD_REQUEST : 0);
  assert_int_equal(why.len, (want ? strlen(want) : 0) + 1);
  buf_free(&why);
  free(copy);
}

struct example {
  const char *schema, *data, *want;
};

#define FITS NULL

static const struct example examples[] = {
    {"any", "null", FITS},
    {"any", "[1,{\"a\":\"b\"}]", FITS},
    {"any", NULL, "data: expected any"},
    {"any?", NULL, FITS},
    {"null", "null", FITS},
    {"null", NULL, FITS},
    {"null", "false", "data: expected null"},
    {"{ a: null }", "{}", FITS},
    {"{ a: null }", "{\"a\":1}", "data.a: expected null"},
    {"boolean", "true", FITS},
    {"boolean", "false", FITS},
    {"boolean", "1", "data: expected boolean"},
    {"object", "{\"a\":1}", FITS},
    {"object", "[]", "data: expected object"},
    {"object", NULL, "data: expected object"},
    {"array", "[]", FITS},
    {"array", "{}", "data: expected array"},
    {"array<=1", "[1,2]", "data: expected array<=1"},
    {"string?", "null", FITS},
    {"string?", NULL, FITS},
    {"string?", "1", "data: expected string"},
    {"string", "null", "data: expected string"},
    /* Integers are those that Lua gets as one. */
    {"integer", "5", FITS},
    {"integer", "-9223372036854775808", FITS},
    {"integer", "9223372036854775808", "data: expected integer"},
    {"integer", "5.0", "data: expected integer"},
    {"integer", "5e0", "data: expected integer"},
    {"integer", "-0", FITS},
    {"integer", "\"5\"", "data: expected integer"},
    {"integer", "true", "data: expected integer"},
    {"integer>=1<=10", "1", FITS},
    {"integer>=1<=10", "10", FITS},
    {"integer>=1<=10", "0", "data: expected integer>=1<=10"},
    {"integer>=1<=10", "11", "data: expected integer>=1<=10"},
    {"integer > -3 < 3", "-2", FITS},
    {"integer > -3 < 3", "2", FITS},
    {"integer > -3 < 3", "-3", "data: expected integer > -3 < 3"},
    {"integer > -3 < 3", "3", "data: expected integer > -3 < 3"},
    {"number", "5", FITS},
    {"number", "-1.5e300", FITS},
    {"number>=0<1", "0", FITS},
    {"number>=0<1", "0.9999999999999999", FITS},
    {"number>=0<1", "1", "data: expected number>=0<1"},
    {"number>=0<1", "-0.1", "data: expected number>=0<1"},
    {"number>0.5", "0.5", "data: expected number>0.5"},
    {"number>0.5", "null", "data: expected number"},
    /* Lengths are characters, not bytes, however they are written. */
    {"string<=3", "\"abc\"", FITS},
    {"string<=3", "\"abcd\"", "data: expected string<=3"},
    {"string<=3", "\"äöü\"", FITS},
    {"string<=3", "\"äöüß\"", "data: expected string<=3"},
    {"string<=1", "\"😀\"", FITS},
    {"string<=1", "\"\\ud83d\\ude00\"", FITS},
    {"string<=1", "\"\\uD83D\\uDE00x\"", "data: expected string<=1"},
    {"string<=2", "\"\\n\\u00e9\"", FITS},
    {"string<=2", "\"\\ud7ff\\u00e9\"", FITS},
    {"string>=1", "\"\"", "data: expected string>=1"},
    {"string>=1", "\"x\"", FITS},
    {"string>=2", "\"😀\"", "data: expected string>=2"},
    {"string<1", "\"\"", FITS},
    {"string<1", "\"x\"", "data: expected string<1"},
    /* Words. */
    {"'red'|'green'", "\"red\"", FITS},
    {"'red'|'green'", "\"green\"", FITS},
    {"'red'|'green'", "\"gr\\u0065en\"", FITS},
    {"'red'|'green'", "\"greens\"", "data: expected 'red'|'green'"},
    {"'red'|'green'", "\"\"", "data: expected 'red'|'green'"},
    {"'red'|'green'", "1", "data: expected 'red'|'green'"},
    {"'red'|''?", "\"\"", FITS},
    {"'red'|''?", "null", FITS},
    {"'red'|'green'[]", "[\"red\",\"blue\"]",
     "data[2]: expected 'red'|'green'"},
    /* Arrays. */
    {"string[]", "[]", FITS},
    {"string[]", "[\"a\",\"b\"]", FITS},
    {"string[]", "[\"a\",\"b\",3]", "data[3]: expected string"},
    {"string[]", "\"a\"", "data: expected array"},
    {"string[]>=1<=2", "[ \"a\" , \"b\" ]", FITS},
    {"string[]>=1<=2", "[]", "data: expected array>=1<=2"},
    {"string[]>=1<=2", "[\"a\",\"b\",\"c\"]", "data: expected array>=1<=2"},
    {"string<=1[]<=2", "[\"ab\"]", "data[1]: expected string<=1"},
    {"integer[][]", "[[1],[],[2,3]]", FITS},
    {"integer[][]", "[[1],[2,\"3\"]]", "data[2][2]: expected integer"},
    {"integer?[]", "[1,null]", FITS},
    {"integer?[]", "null", "data: expected array"},
    {"(integer?[])?", "null", FITS},
    /* Objects. */
    {"{}", "{}", FITS},
    {"{}", "{\"more\":1}", FITS},
    {"{a: string}", "{\"a\":\"x\",\"b\":[{}]}", FITS},
    {"{a: string}", "{\"b\":1}", "data.a: expected string"},
    {"{a: string}", "{}", "data.a: expected string"},
    {"{a: string, }", "[]", "data: expected object"},
    {"{a: string<=9}", "{}", "data.a: expected string"},
    {"{a: string}", "{\"\\u0061\":\"x\"}", FITS},
    {"{a: string}", "{\"\\u0061\":1}", "data.a: expected string"},
    {"{a: string}", "{\"a\":\"x\",\"a\":1}", "data.a: expected string"},
    {"{a: string}", "{\"a\":1,\"a\":\"x\"}", "data.a: expected string"},
    {"{a: string?}", "{\"a\":null}", FITS},
    {"{a: string?}", "{}", FITS},
    {"{a: any}", "{}", "data.a: expected any"},
    {"{a: any}", "{\"a\":null}", FITS},
    {"{a: {b: {c: integer}[]}}", "{\"a\":{\"b\":[{\"c\":1},{\"c\":true}]}}",
     "data.a.b[2].c: expected integer"},
    {"{\"a b\": string}", "{\"a b\":1}", "data[\"a b\"]: expected string"},
    {"{\"\": string}", "{\"\":1}", "data[\"\"]: expected string"},
    {"{\"*\": string}", "{}", "data[\"*\"]: expected string"},
    /* Other keys. */
    {"{a: string?, *: false}", "{\"a\":\"x\"}", FITS},
    {"{a: string?, *: false}", "{\"b\":1}", "data.b: unknown field"},
    {"{*: false}", "{\"a\\\"\\u0000\":null}",
     "data[\"a\\\"\\u0000\"]: unknown field"},
    {"{a: string, *: integer}", "{\"a\":\"x\",\"b\":1}", FITS},
    {"{a: string, *: integer}", "{\"a\":\"x\",\"b\":\"y\"}",
     "data.b: expected integer"},
    {"{*: {n: integer}}", "{\"x\":{\"n\":1},\"y\":{}}",
     "data.y.n: expected integer"},
};

static void says_what_is_expected(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
    struct schema *schema = compile(examples[i].schema);
    check(schema, examples[i].data, examples[i].want);
    schema_free(schema);
  }
}

static void shows_long_keys_cut_between_characters(void **state) {
  struct schema *schema = compile("{*: false}");
  (void)state;
  char data[256] = "{\"x", want[256] = "data[\"x";
  for (int i = 0; i < 50; i++)
    strcat(data, "ä");
  strcat(data, "\":1}");
  for (int i = 0; i < 31; i++)
    strcat(want, "ä");
  strcat(want, "\"]: unknown field");
  check(schema, data, want);
  schema_free(schema);
}

/* The 64th field has the last bit. */
static void knows_64_fields(void **state) {
  char text[1024] = "{", data[1024] = "{", name[32];
  (void)state;
  for (int i = 0; i < SCHEMA_FIELDS; i++) {
    snprintf(name, sizeof name, "%sf%d: any", i ? ", " : "", i);
    strcat(text, name);
    if (i == SCHEMA_FIELDS - 1)
      break;
    snprintf(name, sizeof name, "%s\"f%d\":1", i ? "," : "", i);
    strcat(data, name);
  }
  strcat(text, "}");
  strcat(data, "}");
  struct schema *schema = compile(text);
  check(schema, data, "data.f63: expected any");
  schema_free(schema);
}

static void is_not_harmed_by_what_is_no_json(void **state) {
  static const char *const broken[] = {
      "",
      "{",
      "{\"a\"",
      "{\"a\":",
      "{\"a\":[",
      "{\"a\":[1",
      "{\"a\":[1]",
      "{\"a\":[1]}}",
      "{\"a\":nul",
      "{\"a\":[1,]}",
      "{\"a\":[-]}",
      "n",
  };
  struct schema *schema = compile("{a: integer[]?}?");
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
    struct buf why = {0};
    size_t len = strlen(broken[i]);
    char *copy = malloc(len ? len : 1);
    memcpy(copy, broken[i], len);
    assert_int_not_equal(schema_check(schema, copy, len, &why), 0);
    assert_true(why.len > 0);
    buf_free(&why);
    free(copy);
  }
  schema_free(schema);
}

/* --- schemas that are none ---------------------------------------------- */

static void refuses(const char *text, const char *want) {
  struct buf error = {0};
  struct schema *schema = schema_new(text, strlen(text), &error);
  buf_putc(&error, 0);
  if (schema)
    fail_msg("'%s' was taken", text);
  assert_string_equal(error.data, want);
  buf_free(&error);
}

static const char *const mistakes[][2] = {
    {"", "data: a type is missing, at its end"},
    {"()", "data: a type is missing, at its end"},
    {"string,", "data: the type should end here, at ','"},
    {"{a: string b: string}",
     "data: after a field comes ',' or '}', at 'b: string}'"},
    {"{\"a\": (string, b: string), \"c\": (string)}",
     "data.a: the type should end here, at ', b: string'"},
    {"{a: sting}",
     "data.a: 'sting' is not a type, did you mean 'string'?; "
     "types are any string integer number boolean object array null"},
    {"{a string}", "data: a field is written `name: type`, at 'string}'"},
    {"{: string}", "data: a field is written `name: type`, at ': string}'"},
    {"{a: string, a: any}", "data.a: this field comes twice, at 'any}'"},
    {"{*: any, *: any}", "data[\"*\"]: the field '*' comes twice, at 'any}'"},
    {"{a: {b: string<=}}", "data.a.b: a limit must be a number, at '}}'"},
    {"string<=x", "data: a limit must be a number, at 'x'"},
    {"string<=1.5", "data: this limit must be a whole number, at '1.5'"},
    {"string<=1e3", "data: this limit must be a whole number, at '1e3'"},
    {"string>=-1", "data: a length is not negative, at '-1'"},
    {"string<0", "data: nothing is within these limits, at '0'"},
    {"integer>=2<2", "data: nothing is within these limits, at '2'"},
    {"number>0.5<0.5", "data: nothing is within these limits, at '0.5'"},
    {"integer>9223372036854775807",
     "data: nothing is within these limits, at '9223372036854775807'"},
    {"integer<=1<2", "data: a second limit to the same side, at '2'"},
    {"boolean<=1", "data: only string, integer, number and arrays have "
                   "limits, at '1'"},
    {"'a", "data: a quote is not closed, at 'a'"},
    {"'a\\n'", "data: no backslash or control character may be in quotes, "
               "at 'a\\n''"},
    {"'a'|", "data: a word in quotes must follow after '|', at its end"},
    {"string|'a'", "data: the type should end here, at '|'a''"},
    {"string[", "data: the type should end here, at '['"},
    {"\xff", "data: the text is not UTF-8"},
};

static void says_what_is_wrong_with_a_schema(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++)
    refuses(mistakes[i][0], mistakes[i][1]);
}

static void bounds_the_schema_itself(void **state) {
  char text[4096] = "";
  (void)state;
  for (int i = 0; i < SCHEMA_DEPTH; i++)
    strcat(text, "{a:");
  strcat(text, "any");
  struct buf error = {0};
  assert_null(schema_new(text, strlen(text), &error));
  error.len = 0;
  strcpy(text, "any");
  for (int i = 0; i < SCHEMA_DEPTH; i++)
    strcat(text, "[]");
  assert_null(schema_new(text, strlen(text), &error));
  text[strlen(text) - 2] = 0;
  struct schema *deepest = compile(text);
  check(deepest, "[[[]]]", FITS);
  schema_free(deepest);
  strcpy(text, "{");
  for (int i = 0; i <= SCHEMA_FIELDS; i++)
    sprintf(text + strlen(text), "f%d:any,", i);
  strcat(text, "}");
  assert_null(schema_new(text, strlen(text), &error));
  memset(text, 'x', 65);
  strcpy(text + 65, ":any}");
  text[0] = '{';
  schema_free(compile(text));
  memset(text, 'x', 66);
  strcpy(text + 66, ":any}");
  text[0] = '{';
  assert_null(schema_new(text, strlen(text), &error));
  char *long_text = calloc(1, SCHEMA_BYTES + 1);
  memset(long_text, ' ', SCHEMA_BYTES + 1);
  assert_null(schema_new(long_text, SCHEMA_BYTES + 1, &error));
  free(long_text);
  buf_free(&error);
  schema_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(says_what_is_expected),
      cmocka_unit_test(shows_long_keys_cut_between_characters),
      cmocka_unit_test(knows_64_fields),
      cmocka_unit_test(is_not_harmed_by_what_is_no_json),
      cmocka_unit_test(says_what_is_wrong_with_a_schema),
      cmocka_unit_test(bounds_the_schema_itself),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
