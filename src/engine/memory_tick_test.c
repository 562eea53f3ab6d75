/* SPDX-License-Identifier: MIT
 * Tests of engine/memory_tick: what goes with time, or because of other rules.
 */
#include "engine/memory_fixture_test.h"

static void tick_all(struct fixture *fixture) {
  for (int i = 0; i < 16; i++)
    engine_tick(fixture->engine);
}

static void test_old_messages_and_rooms_go(void **state) {
  struct fixture fixture;
  struct rule rule = {
      .numbered = true, .messages = 100, .bytes = 10000, .keep_ms = 30};
  (void)state;
  start(&fixture, 0, MB);
  struct engine_position at = enter(&fixture, 0, "r", &rule);
  publish(&fixture, "r", &rule, "{\"a\":\"m\"}");
  publish(&fixture, "gone", &rule, "{\"a\":\"m\"}");
  uv_sleep(60);
  struct found found = read_since(&fixture, "r", &rule, at.era, 0);
  assert_false(found.recovered);
  assert_int_equal(found.now.seq, 1);
  assert_true(read_since(&fixture, "r", &rule, at.era, 1).recovered);
  tick_all(&fixture);
  assert_int_equal(engine_stats(fixture.engine).rooms, 1);
  assert_int_equal(engine_stats(fixture.engine).messages, 0);
  stop(&fixture);
}

static void test_rules_that_change_trim_what_nobody_uses(void **state) {
  struct fixture fixture;
  struct rule less = {.numbered = true, .messages = 1, .bytes = 10000};
  struct rules *rules = rules_new();
  (void)state;
  start(&fixture, 0, MB);
  for (int i = 0; i < 3; i++) {
    publish(&fixture, "a", &log_rule, "{\"a\":\"m\"}");
    publish(&fixture, "b", &log_rule, "{\"a\":\"m\"}");
  }
  rules_add(rules, "a", &less);
  engine_set_rules(fixture.engine, rules);
  rules_unref(rules);
  tick_all(&fixture);
  assert_int_equal(engine_stats(fixture.engine).rooms, 1);
  assert_int_equal(engine_stats(fixture.engine).messages, 1);
  stop(&fixture);
}

/* A worker that has not heard of the new rules yet publishes by the old ones.
 */
static void test_the_last_word_is_that_of_the_newest_rules(void **state) {
  struct fixture fixture;
  struct rule less = {.numbered = true, .messages = 1, .bytes = 10000};
  struct rules *rules = rules_new();
  (void)state;
  start(&fixture, 0, MB);
  rules_add(rules, "a", &less);
  enter(&fixture, 1, "a", &log_rule);
  engine_set_rules(fixture.engine, rules);
  tick_all(&fixture);
  for (int i = 0; i < 3; i++)
    publish(&fixture, "a", &log_rule, "{\"a\":\"m\"}");
  assert_int_equal(engine_stats(fixture.engine).messages, 3);
  tick_all(&fixture);
  assert_int_equal(engine_stats(fixture.engine).messages, 1);
  engine_set_rules(fixture.engine, NULL);
  tick_all(&fixture); /* perhaps worker 1 knows better */
  assert_int_equal(engine_stats(fixture.engine).messages, 1);
  tick_all(&fixture);
  assert_int_equal(engine_stats(fixture.engine).messages, 0);
  assert_int_equal(engine_stats(fixture.engine).rooms, 1);
  rules_unref(rules);
  stop(&fixture);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_old_messages_and_rooms_go),
      cmocka_unit_test(test_rules_that_change_trim_what_nobody_uses),
      cmocka_unit_test(test_the_last_word_is_that_of_the_newest_rules),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
