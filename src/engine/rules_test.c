/* SPDX-License-Identifier: MIT
 * Tests of engine/rules: the longest that fits wins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/rules.h"

#include <stdio.h>
#include <string.h>

/* A rule that is known by a number. */
static void add(struct rules *rules, const char *name, uint32_t number) {
  struct rule rule = {.messages = number};
  rules_add(rules, name, &rule);
}

static uint32_t number_of(const struct rules *rules, const char *room) {
  const struct rule *rule = rules_find(rules, room, strlen(room));
  return rule ? rule->messages : 0;
}

static void test_the_longest_that_fits_wins(void **state) {
  struct rules *rules = rules_new();
  (void)state;
  add(rules, "chat:*", 1);
  add(rules, "chat:admin:*", 2);
  add(rules, "chat:admin:x", 3);
  add(rules, "c*", 4);
  add(rules, "board", 5);
  assert_int_equal(rules_count(rules), 5);
  assert_int_equal(number_of(rules, "chat:1"), 1);
  assert_int_equal(number_of(rules, "chat:"), 1);
  assert_int_equal(number_of(rules, "chat"), 4);
  assert_int_equal(number_of(rules, "chat:admin:y"), 2);
  assert_int_equal(number_of(rules, "chat:admin:x"), 3);
  assert_int_equal(number_of(rules, "chat:admin:xy"), 2);
  assert_int_equal(number_of(rules, "board"), 5);
  assert_int_equal(number_of(rules, "board2"), 0);
  assert_int_equal(number_of(rules, ""), 0);
  rules_unref(rules);
}

static void test_a_star_alone_fits_every_room(void **state) {
  struct rules *rules = rules_new();
  (void)state;
  add(rules, "*", 1);
  add(rules, "a*", 2);
  assert_int_equal(number_of(rules, "x"), 1);
  assert_int_equal(number_of(rules, "a"), 2);
  rules_unref(rules);
}

/* The name without a star is the whole of it, and not a beginning. */
static void test_a_name_is_longer_than_its_beginning(void **state) {
  struct rules *rules = rules_new();
  (void)state;
  add(rules, "a*", 1);
  add(rules, "a", 2);
  assert_int_equal(number_of(rules, "a"), 2);
  assert_int_equal(number_of(rules, "ab"), 1);
  rules_unref(rules);
}

static void test_no_table_has_no_rules(void **state) {
  (void)state;
  assert_null(rules_find(NULL, "a", 1));
  assert_null(rules_ref(NULL));
  rules_unref(NULL);
}

static void test_many_rules_are_found(void **state) {
  struct rules *rules = rules_new();
  char name[32];
  (void)state;
  for (uint32_t i = 1; i <= 500; i++) {
    snprintf(name, sizeof name, "%.*s%u%s", (int)(i % 7), "xxxxxxx", i,
             i % 2 ? ":*" : "");
    add(rules, name, i);
  }
  for (uint32_t i = 1; i <= 500; i++) {
    snprintf(name, sizeof name, "%.*s%u%s", (int)(i % 7), "xxxxxxx", i,
             i % 2 ? ":room" : "");
    assert_int_equal(number_of(rules, name), i);
  }
  rules_unref(rules_ref(rules));
  rules_unref(rules);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_longest_that_fits_wins),
      cmocka_unit_test(test_a_star_alone_fits_every_room),
      cmocka_unit_test(test_a_name_is_longer_than_its_beginning),
      cmocka_unit_test(test_no_table_has_no_rules),
      cmocka_unit_test(test_many_rules_are_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
