/* SPDX-License-Identifier: MIT
 * Tests of hub/declared: two workers that hear of new rules one after the
 * other, while there are members in a room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/memory.h"
#include "hub/declared.h"
#include "hub/fake_test.h"
#include "hub/late.h"
#include "hub/numbered.h"
#include "hub/publish.h"

enum { WORKERS = 2, MB = 1024 * 1024 };

struct pair {
  struct bus *bus;
  struct engine *engine;
  struct rules *rules;
  struct fake workers[WORKERS];
  struct conn *guests[WORKERS]; /* one of each, in the lobby */
};

/* What the members of some worker were told. */
static unsigned eras;
static struct engine_position era_at;

static void note_era(struct room *room, struct engine_position at) {
  eras++;
  era_at = room->at = at;
}

static void open_letter(void *arg, const struct bus_letter *letter) {
  if (letter->late)
    late_receive(arg, letter);
  if (letter->what == BUS_LATE)
    return;
  if (letter->era)
    numbered_receive(arg, letter);
  else
    publish_receive(arg, letter);
}

static void start(struct pair *pair) {
  const struct rule rule = {.numbered = true, .messages = 10, .bytes = 10000};
  pair->bus = bus_new(WORKERS, 0);
  pair->engine = memory_new(pair->bus, WORKERS, MB);
  pair->rules = rules_new();
  rules_add(pair->rules, "lobby", &rule);
  eras = 0;
  for (int i = 0; i < WORKERS; i++) {
    struct fake *fake = &pair->workers[i];
    struct manager *manager = &fake->manager;
    fake_start(fake, (struct manager_limits){.queue_bytes = 10000});
    manager_connect_bus(manager, pair->bus, i);
    manager_connect_engine(manager, pair->engine);
    manager->on_era = note_era;
    bus_open(pair->bus, i, &fake->loop, open_letter, manager);
    pair->guests[i] = fake_login(fake, "guest");
    assert_int_equal(manager_join(manager, pair->guests[i], "lobby", 5), 0);
  }
}

static void stop(struct pair *pair) {
  for (int i = 0; i < WORKERS; i++) {
    bus_close(pair->bus, i);
    fake_stop(&pair->workers[i]);
  }
  engine_free(pair->engine);
  bus_free(pair->bus);
  rules_unref(pair->rules);
}

static void learn(struct pair *pair, int worker, struct rules *rules) {
  declared_set_rules(&pair->workers[worker].manager, rules);
}

static struct room *lobby_of(struct pair *pair, int worker) {
  return manager_room(&pair->workers[worker].manager, "lobby", 5);
}

/* A message of that worker to the lobby; all who get it have it afterwards. */
static void say(struct pair *pair, int worker) {
  static const char text[] = "{\"type\":\"said\"}";
  struct publish_message message = {.room = "lobby",
                                    .room_len = 5,
                                    .text = text,
                                    .len = sizeof text - 1,
                                    .number_at = sizeof text - 2};
  struct delivery_opts opts = {0};
  publish_message(&pair->workers[worker].manager, &message, opts);
  for (int i = 0; i < WORKERS; i++)
    uv_run(&pair->workers[i].loop, UV_RUN_NOWAIT);
}

static void assert_heard(const struct pair *pair, uint32_t each) {
  for (int i = 0; i < WORKERS; i++)
    assert_int_equal(pair->guests[i]->out.count, each);
}

static void who_learns_late_is_told_what_was_missed(void **state) {
  struct pair pair;
  (void)state;
  start(&pair);
  learn(&pair, 1, pair.rules);
  assert_int_equal(eras, 0);
  say(&pair, 1);
  say(&pair, 1);
  learn(&pair, 0, pair.rules);
  assert_int_equal(eras, 1);
  assert_int_equal(era_at.seq, 2);
  say(&pair, 0);
  assert_int_equal(pair.guests[0]->out.count, 1);
  assert_int_equal(pair.guests[1]->out.count, 3);
  learn(&pair, 0, pair.rules); /* the same once more, after a reload */
  assert_int_equal(eras, 1);
  stop(&pair);
}

static void who_learns_in_time_is_told_nothing(void **state) {
  struct pair pair;
  (void)state;
  start(&pair);
  learn(&pair, 0, pair.rules);
  learn(&pair, 1, pair.rules);
  say(&pair, 0);
  say(&pair, 1);
  assert_heard(&pair, 2);
  assert_int_equal(eras, 0);
  stop(&pair);
}

/* Worker 1 numbers as long as it knows of no other rule. */
static void nothing_is_missed_when_a_rule_goes(void **state) {
  struct pair pair;
  (void)state;
  start(&pair);
  learn(&pair, 0, pair.rules);
  learn(&pair, 1, pair.rules);
  learn(&pair, 0, NULL);
  say(&pair, 1);
  say(&pair, 0);
  assert_heard(&pair, 2);
  learn(&pair, 1, NULL);
  say(&pair, 1);
  assert_heard(&pair, 3);
  learn(&pair, 0, pair.rules); /* and comes back */
  say(&pair, 0);
  assert_heard(&pair, 4);
  learn(&pair, 1, pair.rules);
  say(&pair, 1);
  assert_heard(&pair, 5);
  assert_int_equal(eras, 0);
  assert_int_equal(lobby_of(&pair, 0)->at.seq, 3);
  learn(&pair, 0, NULL);
  learn(&pair, 1, NULL);
  for (int i = 0; i < WORKERS; i++)
    fake_end(pair.guests[i]);
  for (int i = 0; i < 32; i++)
    engine_tick(pair.engine);
  assert_int_equal(engine_stats(pair.engine).rooms, 0);
  stop(&pair);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(who_learns_late_is_told_what_was_missed),
      cmocka_unit_test(who_learns_in_time_is_told_nothing),
      cmocka_unit_test(nothing_is_missed_when_a_rule_goes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
