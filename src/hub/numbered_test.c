/* SPDX-License-Identifier: MIT
 * Tests of hub/numbered: what counts as the next message of a room, and who is
 * asked to do something about the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/fake_test.h"
#include "hub/held.h"
#include "hub/numbered.h"

static const struct delivery_opts to_all = {0};
static const struct rule plain = {.numbered = true, .messages = 10};
static const struct rule latest = {
    .numbered = true, .messages = 10, .latest = true};

/* What was asked for. */
static unsigned gaps, eras;
static uint64_t gap_after;
static struct held held;

static void note_gap(struct room *room) {
  gaps++;
  gap_after = room->at.seq;
}

static void note_era(struct room *room, struct engine_position at) {
  eras++;
  room->at = at;
}

static void forget_held(struct held *ended) {
  *ended = (struct held){0};
}

static void hold_it(struct conn *conn, struct room *room) {
  held = (struct held){.ended = forget_held, .missed = true};
  held_begin(&held, conn, room);
}

static void leave_engine(struct engine *engine, int worker, const char *room,
                         size_t len) {
  (void)engine;
  (void)worker;
  (void)room;
  (void)len;
}

static struct room *start_room(struct fake *fake, const struct rule *rule) {
  fake_start(fake, (struct manager_limits){.queue_bytes = 1000});
  static const struct engine_ops ops = {.exit = leave_engine};
  static struct engine engine = {.ops = &ops};
  fake->manager.engine = &engine;
  fake->manager.on_gap = note_gap;
  fake->manager.on_era = note_era;
  fake->manager.on_behind = hold_it;
  gaps = eras = 0;
  struct conn *conn = fake_login(fake, "host");
  assert_int_equal(manager_join(&fake->manager, conn, "lobby", 5), 0);
  struct room *room = manager_room(&fake->manager, "lobby", 5);
  room->rule = rule;
  room->at = (struct engine_position){1, 4};
  return room;
}

static struct conn *enter(struct fake *fake) {
  struct conn *conn = fake_login(fake, "guest");
  assert_int_equal(manager_join(&fake->manager, conn, "lobby", 5), 0);
  return conn;
}

static uint32_t say(struct fake *fake, struct room *room, uint64_t era,
                    uint64_t seq) {
  struct frame *frame = frame_new(FRAME_TEXT, "{}", 2);
  uint32_t sent = numbered_deliver(&fake->manager, room, frame,
                                   (struct engine_position){era, seq}, to_all);
  frame_unref(frame);
  return sent;
}

static void receive(struct fake *fake, enum bus_what what, uint64_t era,
                    uint64_t seq) {
  struct bus_letter letter = {.to = BUS_ROOM,
                              .what = what,
                              .era = era,
                              .seq = seq,
                              .target = "lobby",
                              .target_len = 5};
  numbered_receive(&fake->manager, &letter);
}

static void each_number_is_delivered_once(void **state) {
  struct fake fake;
  (void)state;
  struct room *room = start_room(&fake, &plain);
  struct conn *guest = enter(&fake);
  assert_int_equal(say(&fake, room, 1, 4), 0);
  assert_int_equal(say(&fake, room, 1, 5), 2);
  assert_int_equal(say(&fake, room, 1, 5), 0);
  assert_int_equal(say(&fake, room, 1, 6), 2);
  assert_int_equal(room->at.seq, 6);
  assert_int_equal(gaps, 0);
  assert_int_equal(guest->out.count, 2);
  fake_stop(&fake);
}

static void what_was_left_out_is_noticed(void **state) {
  struct fake fake;
  (void)state;
  struct room *room = start_room(&fake, &plain);
  say(&fake, room, 1, 7);
  assert_int_equal(gaps, 1);
  assert_int_equal(gap_after, 4);
  assert_int_equal(room->at.seq, 7);
  receive(&fake, BUS_BEHIND, 1, 6); /* was read meanwhile */
  assert_int_equal(gaps, 1);
  assert_false(room->behind);
  receive(&fake, BUS_BEHIND, 1, 7);
  assert_int_equal(gaps, 2);
  assert_true(room->behind);
  fake_stop(&fake);
}

static void a_new_era_is_told_once(void **state) {
  struct fake fake;
  (void)state;
  struct room *room = start_room(&fake, &plain);
  receive(&fake, BUS_ERA, 1, 0);
  assert_int_equal(eras, 0);
  receive(&fake, BUS_ERA, 2, 0);
  receive(&fake, BUS_ERA, 2, 0);
  assert_int_equal(eras, 1);
  assert_int_equal(say(&fake, room, 1, 9), 0);
  assert_int_equal(say(&fake, room, 2, 1), 1);
  assert_int_equal(gaps, 0);
  fake_stop(&fake);
}

static void who_is_behind_is_held_where_that_helps(void **state) {
  struct fake fake;
  (void)state;
  struct room *room = start_room(&fake, &plain);
  struct conn *slow = enter(&fake);
  fake_block(slow, 0);
  assert_int_equal(say(&fake, room, 1, 5), 2);
  assert_int_equal(room->live, 2);
  room->rule = &latest;
  assert_int_equal(say(&fake, room, 1, 6), 2);
  assert_int_equal(room->live, 1);
  assert_ptr_equal(held.conn, slow);
  assert_int_equal(slow->out.count, 1);
  assert_int_equal(held.count, 0); /* it is read again */
  slow->blocked = false;
  held_end(&held);
  assert_int_equal(say(&fake, room, 1, 7), 2);
  assert_int_equal(slow->out.count, 2);
  fake_stop(&fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_number_is_delivered_once),
      cmocka_unit_test(what_was_left_out_is_noticed),
      cmocka_unit_test(a_new_era_is_told_once),
      cmocka_unit_test(who_is_behind_is_held_where_that_helps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
