/* SPDX-License-Identifier: MIT
 * Tests of engine/memory: numbers, what is kept, what is read, what is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS = 2, MB = 1024 * 1024 };

struct port {
  uv_loop_t loop;
  struct turn turn;
  uint64_t seqs[64]; /* of the letters that came; 0: BUS_ERA, BUS_BEHIND */
  enum bus_what whats[64];
  uint64_t eras[64];
  int count;
};

struct fixture {
  struct bus *bus;
  struct engine *engine;
  struct port ports[WORKERS];
};

static const struct rule log_rule = {
    .numbered = true, .messages = 5, .bytes = 10000};

static void note(void *arg, const struct bus_letter *letter) {
  struct port *port = arg;
  assert_in_range(port->count, 0, 63);
  port->whats[port->count] = letter->what;
  port->eras[port->count] = letter->era;
  port->seqs[port->count++] = letter->seq;
}

static void start(struct fixture *fixture, size_t port_bytes,
                  size_t max_bytes) {
  *fixture = (struct fixture){.bus = bus_new(WORKERS, port_bytes)};
  fixture->engine = memory_new(fixture->bus, WORKERS, max_bytes);
  for (int i = 0; i < WORKERS; i++) {
    struct port *port = &fixture->ports[i];
    uv_loop_init(&port->loop);
    turn_init(&port->turn, &port->loop);
    bus_open(fixture->bus, i, &port->loop, note, port);
    engine_attach(fixture->engine, i, &port->turn);
  }
}

static void stop(struct fixture *fixture) {
  for (int i = 0; i < WORKERS; i++) {
    bus_close(fixture->bus, i);
    turn_close(&fixture->ports[i].turn);
    uv_run(&fixture->ports[i].loop, UV_RUN_DEFAULT);
  }
  engine_free(fixture->engine);
  bus_free(fixture->bus);
  for (int i = 0; i < WORKERS; i++)
    assert_int_equal(uv_loop_close(&fixture->ports[i].loop), 0);
}

/* Has the worker receive its letters, and be answered. */
static void turn_loop(struct fixture *fixture, int worker) {
  for (int i = 0; i < 4; i++)
    uv_run(&fixture->ports[worker].loop, UV_RUN_NOWAIT);
}

static struct engine_position enter(struct fixture *fixture, int worker,
                                    const char *room, const struct rule *rule) {
  return engine_enter(fixture->engine, worker, room, strlen(room), rule);
}

static void leave(struct fixture *fixture, int worker, const char *room) {
  engine_exit(fixture->engine, worker, room, strlen(room));
}

/* Publishes; `more` has what differs. Drops the frame that is to be delivered
 * here, and returns the rest of the result. */
static struct engine_result
publish_more(struct fixture *fixture, const char *room, const struct rule *rule,
             const char *text, struct engine_publication more) {
  struct engine_result result;
  more.room = room;
  more.room_len = strlen(room);
  more.rule = rule;
  more.text = text;
  more.len = strlen(text);
  more.number_at = more.len - 1;
  more.key_len = more.key ? strlen(more.key) : 0;
  more.id_len = more.id ? strlen(more.id) : 0;
  engine_publish(fixture->engine, &more, &result);
  assert_int_equal(result.err, 0);
  if (result.frame)
    frame_unref(result.frame);
  return result;
}

static uint64_t publish(struct fixture *fixture, const char *room,
                        const struct rule *rule, const char *text) {
  return publish_more(fixture, room, rule, text,
                      (struct engine_publication){.worker = -1})
      .at.seq;
}

/* What a read found, as a text: "3:hello 4:you". */
struct found {
  char text[1024];
  bool done, recovered, more;
  struct engine_position now;
};

static void collect(void *arg, const struct engine_answer *answer) {
  struct found *found = arg;
  size_t len = 0;
  found->done = true;
  found->recovered = answer->recovered;
  found->more = answer->more;
  found->now = answer->now;
  for (uint32_t i = 0; i < answer->count; i++) {
    const struct engine_message *message = &answer->messages[i];
    size_t payload_len;
    const unsigned char *payload = frame_payload(message->frame, &payload_len);
    /* {"a":"hello","seq":3} */
    const char *value = (const char *)payload + 6;
    int value_len = (int)(strchr(value, '"') - value);
    len += (size_t)snprintf(found->text + len, sizeof found->text - len,
                            "%s%d:%.*s", i ? " " : "", (int)message->seq,
                            value_len, value);
  }
}

static struct found read_room(struct fixture *fixture, const char *room,
                              const struct rule *rule,
                              struct engine_query query) {
  struct found found = {.text = ""};
  query.room = room;
  query.room_len = strlen(room);
  query.rule = rule;
  if (query.limit == 0)
    query.limit = 100;
  assert_non_null(engine_read(fixture->engine, 0, &query, collect, &found));
  assert_false(found.done);
  turn_loop(fixture, 0);
  assert_true(found.done);
  return found;
}

static struct found read_last(struct fixture *fixture, const char *room,
                              const struct rule *rule) {
  return read_room(fixture, room, rule,
                   (struct engine_query){.range = ENGINE_LAST});
}

static struct found read_since(struct fixture *fixture, const char *room,
                               const struct rule *rule, uint64_t era,
                               uint64_t seq) {
  struct engine_query query = {.range = ENGINE_SINCE, .after = seq};
  engine_epoch(fixture->engine, era, query.epoch);
  return read_room(fixture, room, rule, query);
}

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

/* --- time ----------------------------------------------------------------- */

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
  for (int i = 0; i < 16; i++)
    engine_tick(fixture.engine);
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
  for (int i = 0; i < 16; i++)
    engine_tick(fixture.engine);
  assert_int_equal(engine_stats(fixture.engine).rooms, 1);
  assert_int_equal(engine_stats(fixture.engine).messages, 1);
  stop(&fixture);
}

static void tick_all(struct fixture *fixture) {
  for (int i = 0; i < 16; i++)
    engine_tick(fixture->engine);
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
      cmocka_unit_test(test_old_messages_and_rooms_go),
      cmocka_unit_test(test_rules_that_change_trim_what_nobody_uses),
      cmocka_unit_test(test_the_last_word_is_that_of_the_newest_rules),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
