/* SPDX-License-Identifier: MIT
 * Tests of engine/memory: numbers, what is kept, what is read, what is lost. */
#include "engine/memory_fixture_test.h"

/* --- numbers and bounds -------------------------------------------------- */

static void test_messages_are_numbered_and_the_newest_are_kept(void **state) {
  struct fixture fixture;
  (void)state;
  start(&fixture, 0, MB);
  for (uint64_t i = 1; i <= 7; i++)
    assert_int_equal(publish(&fixture, "r", &log_rule, "{\"a\":\"m\"}"), i);
  struct found found = read_last(&fixture, "r", &log_rule);
  assert_string_equal(found.text, "3:m 4:m 5:m 6:m 7:m");
  assert_int_equal(found.now.seq, 7);
  assert_int_equal(publish(&fixture, "other", &log_rule, "{\"a\":\"m\"}"), 1);
  struct engine_stats stats = engine_stats(fixture.engine);
  assert_int_equal(stats.rooms, 2);
  assert_int_equal(stats.messages, 6);
  assert_int_equal(stats.published, 8);
  stop(&fixture);
}

static void test_bytes_bound_what_is_kept(void **state) {
  struct fixture fixture;
  struct rule rule = {.numbered = true, .messages = 100, .bytes = 60};
  (void)state;
  start(&fixture, 0, MB);
  for (int i = 0; i < 10; i++)
    publish(&fixture, "r", &rule, "{\"a\":\"0123456789\"}");
  assert_string_equal(read_last(&fixture, "r", &rule).text,
                      "9:0123456789 10:0123456789");
  stop(&fixture);
}

static void test_a_rule_that_keeps_nothing_numbers(void **state) {
  struct fixture fixture;
  struct rule rule = {.numbered = true, .resync = true};
  (void)state;
  start(&fixture, 0, MB);
  struct engine_position at = enter(&fixture, 0, "r", &rule);
  assert_int_equal(publish(&fixture, "r", &rule, "{\"a\":\"m\"}"), 1);
  assert_int_equal(publish(&fixture, "r", &rule, "{\"a\":\"m\"}"), 2);
  assert_false(read_since(&fixture, "r", &rule, at.era, 1).recovered);
  assert_true(read_since(&fixture, "r", &rule, at.era, 2).recovered);
  leave(&fixture, 0, "r");
  assert_int_equal(engine_stats(fixture.engine).rooms, 0);
  stop(&fixture);
}

static void test_new_bounds_trim(void **state) {
  struct fixture fixture;
  struct rule less = log_rule;
  (void)state;
  start(&fixture, 0, MB);
  for (int i = 0; i < 5; i++)
    publish(&fixture, "r", &log_rule, "{\"a\":\"m\"}");
  less.messages = 2;
  assert_string_equal(read_last(&fixture, "r", &less).text, "4:m 5:m");
  stop(&fixture);
}

/* --- latest --------------------------------------------------------------- */

static void test_latest_keeps_one_for_each_key(void **state) {
  struct fixture fixture;
  struct rule rule = {.numbered = true,
                      .latest = true,
                      .messages = RULE_ANY_NUMBER,
                      .bytes = 100000};
  char key[16], expected[64];
  (void)state;
  start(&fixture, 0, MB);
  for (int i = 0; i < 1000; i++) {
    snprintf(key, sizeof key, "k%d", i % 3);
    publish_more(&fixture, "r", &rule, "{\"a\":\"m\"}",
                 (struct engine_publication){.key = key, .worker = -1});
    assert_in_range(engine_stats(fixture.engine).messages, 1, 3);
  }
  uint64_t last = publish(&fixture, "r", &rule, "{\"a\":\"no key\"}");
  snprintf(expected, sizeof expected, "998:m 999:m 1000:m %d:no key",
           (int)last);
  struct found found = read_last(&fixture, "r", &rule);
  assert_string_equal(found.text, expected);
  /* What was overwritten is not missing. */
  found = read_since(&fixture, "r", &rule, found.now.era, 3);
  assert_true(found.recovered);
  assert_string_equal(found.text, expected);
  stop(&fixture);
}

/* --- reading -------------------------------------------------------------- */

static void test_ranges(void **state) {
  struct fixture fixture;
  struct engine_query query = {.range = ENGINE_AFTER, .after = 4, .limit = 2};
  (void)state;
  start(&fixture, 0, MB);
  struct rule rule = {.numbered = true, .messages = 8, .bytes = 10000};
  for (int i = 0; i < 10; i++)
    publish(&fixture, "r", &rule, "{\"a\":\"m\"}");
  struct found found = read_room(&fixture, "r", &rule, query);
  assert_string_equal(found.text, "5:m 6:m");
  assert_true(found.more);
  query.before = 6;
  found = read_room(&fixture, "r", &rule, query);
  assert_string_equal(found.text, "5:m");
  assert_false(found.more);
  query =
      (struct engine_query){.range = ENGINE_BEFORE, .before = 6, .limit = 2};
  found = read_room(&fixture, "r", &rule, query);
  assert_string_equal(found.text, "4:m 5:m");
  assert_true(found.more);
  query.limit = 3;
  found = read_room(&fixture, "r", &rule, query);
  assert_string_equal(found.text, "3:m 4:m 5:m");
  assert_false(found.more);
  query = (struct engine_query){.range = ENGINE_LAST, .bytes = 50};
  found = read_room(&fixture, "r", &rule, query);
  assert_string_equal(found.text, "9:m 10:m");
  assert_true(found.more);
  stop(&fixture);
}

static void test_since(void **state) {
  struct fixture fixture;
  (void)state;
  start(&fixture, 0, MB);
  for (int i = 0; i < 8; i++)
    publish(&fixture, "r", &log_rule, "{\"a\":\"m\"}");
  uint64_t era = read_last(&fixture, "r", &log_rule).now.era;
  struct found found = read_since(&fixture, "r", &log_rule, era, 6);
  assert_true(found.recovered);
  assert_string_equal(found.text, "7:m 8:m");
  assert_true(read_since(&fixture, "r", &log_rule, era, 3).recovered);
  found = read_since(&fixture, "r", &log_rule, era, 2);
  assert_false(found.recovered);
  assert_string_equal(found.text, "");
  assert_int_equal(found.now.seq, 8);
  found = read_since(&fixture, "r", &log_rule, era, 8);
  assert_true(found.recovered);
  assert_string_equal(found.text, "");
  /* Never given, or of another era. */
  assert_false(read_since(&fixture, "r", &log_rule, era, 9).recovered);
  assert_false(read_since(&fixture, "r", &log_rule, era + 1, 8).recovered);
  stop(&fixture);
}

static void test_a_read_can_be_cancelled(void **state) {
  struct fixture fixture;
  struct found found = {.text = ""};
  struct engine_query query = {
      .room = "r", .room_len = 1, .rule = &log_rule, .range = ENGINE_LAST};
  (void)state;
  start(&fixture, 0, MB);
  struct engine_read *read =
      engine_read(fixture.engine, 0, &query, collect, &found);
  engine_cancel(fixture.engine, read);
  turn_loop(&fixture, 0);
  assert_false(found.done);
  /* One that nobody cancels is freed with the engine. */
  assert_non_null(engine_read(fixture.engine, 0, &query, collect, &found));
  stop(&fixture);
}

/* --- eras ----------------------------------------------------------------- */

static void test_a_room_without_messages_costs_nothing(void **state) {
  struct fixture fixture;
  (void)state;
  start(&fixture, 0, MB);
  struct engine_position at = enter(&fixture, 0, "r", &log_rule);
  assert_int_equal(at.seq, 0);
  assert_int_equal(engine_stats(fixture.engine).rooms, 1);
  leave(&fixture, 0, "r");
  assert_int_equal(engine_stats(fixture.engine).rooms, 0);
  assert_int_equal(engine_stats(fixture.engine).bytes, 0);
  /* Nothing was lost: who comes back has missed what was sent meanwhile. */
  publish(&fixture, "r", &log_rule, "{\"a\":\"m\"}");
  struct found found = read_since(&fixture, "r", &log_rule, at.era, 0);
  assert_true(found.recovered);
  assert_string_equal(found.text, "1:m");
  stop(&fixture);
}

static void test_forgetting_begins_a_new_era(void **state) {
  struct fixture fixture;
  struct port *port = &fixture.ports[1];
  (void)state;
  start(&fixture, 0, MB);
  struct engine_position at = enter(&fixture, 1, "r", &log_rule);
  publish(&fixture, "r", &log_rule, "{\"a\":\"m\"}");
  engine_forget(fixture.engine, "r", 1);
  publish(&fixture, "r", &log_rule, "{\"a\":\"n\"}");
  turn_loop(&fixture, 1);
  assert_int_equal(port->count, 3);
  assert_int_equal(port->whats[0], BUS_SEND);
  assert_int_equal(port->seqs[0], 1);
  assert_int_equal(port->eras[0], at.era);
  assert_int_equal(port->whats[1], BUS_ERA);
  assert_int_equal(port->seqs[1], 0);
  assert_int_equal(port->eras[1], at.era + 1);
  assert_int_equal(port->whats[2], BUS_SEND);
  assert_int_equal(port->seqs[2], 1);
  assert_int_equal(port->eras[2], at.era + 1);
  assert_false(read_since(&fixture, "r", &log_rule, at.era, 1).recovered);
  assert_string_equal(read_last(&fixture, "r", &log_rule).text, "1:n");
  /* Without members, too. */
  leave(&fixture, 1, "r");
  engine_forget(fixture.engine, "r", 1);
  assert_int_equal(engine_stats(fixture.engine).rooms, 0);
  assert_int_equal(enter(&fixture, 1, "r", &log_rule).era, at.era + 2);
  leave(&fixture, 1, "r");
  engine_forget(fixture.engine, "never there", 11);
  stop(&fixture);
}

static void test_the_room_used_longest_ago_is_lost_first(void **state) {
  struct fixture fixture;
  char text[2000], room[16];
  struct rule rule = {
      .numbered = true, .messages = RULE_ANY_NUMBER, .bytes = MB};
  (void)state;
  start(&fixture, 0, 100000);
  memset(text, 'x', sizeof text);
  memcpy(text, "{\"a\":\"", 6);
  memcpy(text + sizeof text - 3, "\"}", 3);
  struct engine_position first = enter(&fixture, 1, "room0", &rule);
  for (int i = 0; i < 60; i++) {
    snprintf(room, sizeof room, "room%d", i);
    publish(&fixture, room, &rule, text);
  }
  struct engine_stats stats = engine_stats(fixture.engine);
  assert_in_range(stats.bytes, 90000, 100000);
  assert_in_range(stats.evicted, 10, 30);
  for (int i = 0; i < 60; i++) {
    snprintf(room, sizeof room, "room%d", i);
    struct found found = read_last(&fixture, room, &rule);
    assert_int_equal(found.now.seq, (uint64_t)i < stats.evicted ? 0 : 1);
  }
  turn_loop(&fixture, 1);
  assert_int_equal(fixture.ports[1].whats[1], BUS_ERA);
  assert_true(fixture.ports[1].eras[1] > first.era);
  stop(&fixture);
}

/* --- ids ------------------------------------------------------------------ */

static void test_an_id_is_published_once(void **state) {
  struct fixture fixture;
  struct engine_publication with_id = {.id = "order-1", .worker = -1};
  uint64_t seq = 7;
  (void)state;
  start(&fixture, 0, MB);
  publish(&fixture, "r", &log_rule, "{\"a\":\"m\"}");
  struct engine_result result =
      publish_more(&fixture, "r", &log_rule, "{\"a\":\"x\"}", with_id);
  assert_int_equal(result.at.seq, 2);
  assert_false(result.repeated);
  publish(&fixture, "r", &log_rule, "{\"a\":\"m\"}");
  result = publish_more(&fixture, "r", &log_rule, "{\"a\":\"y\"}", with_id);
  assert_int_equal(result.at.seq, 2);
  assert_true(result.repeated);
  assert_string_equal(read_last(&fixture, "r", &log_rule).text, "1:m 2:x 3:m");
  result = publish_more(&fixture, "r2", &log_rule, "{\"a\":\"y\"}", with_id);
  assert_false(result.repeated);
  assert_true(engine_once(fixture.engine, "plain", 5, "a", 1, &seq));
  assert_false(engine_once(fixture.engine, "plain", 5, "a", 1, &seq));
  assert_int_equal(seq, 0);
  assert_int_equal(engine_stats(fixture.engine).repeated, 2);
  stop(&fixture);
}

static void test_ids_are_bounded(void **state) {
  struct fixture fixture;
  char id[32];
  uint64_t seq;
  (void)state;
  start(&fixture, 0, MB);
  for (int i = 0; i < 50000; i++) {
    snprintf(id, sizeof id, "%d", i);
    assert_true(engine_once(fixture.engine, "r", 1, id, strlen(id), &seq));
  }
  assert_in_range(engine_stats(fixture.engine).bytes, MB / 5, MB / 2);
  assert_false(engine_once(fixture.engine, "r", 1, id, strlen(id), &seq));
  stop(&fixture);
}

/* --- letters -------------------------------------------------------------- */

static void test_who_has_delivered_all_delivers_at_once(void **state) {
  struct fixture fixture;
  struct engine_publication mine = {.worker = 0, .is_in = true};
  struct engine_result result;
  (void)state;
  start(&fixture, 0, MB);
  mine.delivered = enter(&fixture, 0, "r", &log_rule);
  (void)enter(&fixture, 1, "r", &log_rule);
  result = publish_more(&fixture, "r", &log_rule, "{\"a\":\"m\"}", mine);
  assert_non_null(result.frame);
  mine.delivered = result.at;
  publish(&fixture, "r", &log_rule, "{\"a\":\"m\"}");
  /* It has not seen the second one yet. */
  result = publish_more(&fixture, "r", &log_rule, "{\"a\":\"m\"}", mine);
  assert_null(result.frame);
  assert_int_equal(result.at.seq, 3);
  turn_loop(&fixture, 0);
  turn_loop(&fixture, 1);
  assert_int_equal(fixture.ports[0].count, 2);
  assert_int_equal(fixture.ports[0].seqs[0], 2);
  assert_int_equal(fixture.ports[0].seqs[1], 3);
  assert_int_equal(fixture.ports[1].count, 3);
  stop(&fixture);
}

static void test_who_is_behind_hears_of_it_once_and_reads(void **state) {
  struct fixture fixture;
  struct engine_query query = {.range = ENGINE_SINCE, .repairs = true};
  struct port *port = &fixture.ports[0];
  (void)state;
  start(&fixture, 70, MB);
  struct engine_position at = enter(&fixture, 0, "r", &log_rule);
  for (int i = 0; i < 4; i++)
    publish(&fixture, "r", &log_rule, "{\"a\":\"mmmmmmmmm\"}");
  turn_loop(&fixture, 0);
  assert_int_equal(port->count, 3);
  assert_int_equal(port->seqs[1], 2);
  assert_int_equal(port->whats[2], BUS_BEHIND);
  assert_int_equal(port->seqs[2], 2);
  publish(&fixture, "r", &log_rule, "{\"a\":\"m\"}");
  turn_loop(&fixture, 0);
  assert_int_equal(port->count, 3);
  engine_epoch(fixture.engine, at.era, query.epoch);
  query.after = 2;
  struct found found = read_room(&fixture, "r", &log_rule, query);
  assert_string_equal(found.text, "3:mmmmmmmmm 4:mmmmmmmmm 5:m");
  publish(&fixture, "r", &log_rule, "{\"a\":\"m\"}");
  turn_loop(&fixture, 0);
  assert_int_equal(port->count, 4);
  assert_int_equal(port->seqs[3], 6);
  stop(&fixture);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_messages_are_numbered_and_the_newest_are_kept),
      cmocka_unit_test(test_bytes_bound_what_is_kept),
      cmocka_unit_test(test_a_rule_that_keeps_nothing_numbers),
      cmocka_unit_test(test_new_bounds_trim),
      cmocka_unit_test(test_latest_keeps_one_for_each_key),
      cmocka_unit_test(test_ranges),
      cmocka_unit_test(test_since),
      cmocka_unit_test(test_a_read_can_be_cancelled),
      cmocka_unit_test(test_a_room_without_messages_costs_nothing),
      cmocka_unit_test(test_forgetting_begins_a_new_era),
      cmocka_unit_test(test_the_room_used_longest_ago_is_lost_first),
      cmocka_unit_test(test_an_id_is_published_once),
      cmocka_unit_test(test_ids_are_bounded),
      cmocka_unit_test(test_who_has_delivered_all_delivers_at_once),
      cmocka_unit_test(test_who_is_behind_hears_of_it_once_and_reads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
