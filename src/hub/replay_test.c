/* SPDX-License-Identifier: MIT
 * Tests of hub/replay: what is kept, and what is dropped first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/replay.h"

/* A frame of ten bytes, eight of them payload. */
static void keep(struct replay *replay, struct replays *all, uint64_t number) {
  struct frame *frame = frame_new(FRAME_TEXT, &number, sizeof number);
  replay_keep(replay, all, frame);
  frame_unref(frame);
}

static void keep_many(struct replay *replay, struct replays *all, int count) {
  for (int i = 0; i < count; i++)
    keep(replay, all, replay->sent + 1);
}

static void keeps_what_is_not_acknowledged(void **state) {
  struct replays all = {.each = 1000, .limit = 1000};
  struct replay *replay = replay_new();
  (void)state;
  assert_true(replay_has_after(replay, 0));
  assert_false(replay_has_after(replay, 1));
  keep_many(replay, &all, 5);
  assert_int_equal(all.bytes, 50);
  replay_ack(replay, &all, 3);
  assert_int_equal(replay->kept.count, 2);
  assert_int_equal(all.bytes, 20);
  assert_false(replay_has_after(replay, 2));
  assert_true(replay_has_after(replay, 3));
  assert_true(replay_has_after(replay, 5));
  assert_false(replay_has_after(replay, 6));
  replay_free(replay, &all);
  assert_int_equal(all.bytes, 0);
}

static void ignores_counts_that_cannot_be(void **state) {
  struct replays all = {.each = 1000, .limit = 1000};
  struct replay *replay = replay_new();
  (void)state;
  keep_many(replay, &all, 5);
  replay_ack(replay, &all, 4);
  replay_ack(replay, &all, 2);
  replay_ack(replay, &all, 6);
  replay_ack(replay, &all, UINT64_MAX);
  assert_int_equal(replay->kept.count, 1);
  replay_free(replay, &all);
}

static void loses_the_oldest_over_its_bound(void **state) {
  struct replays all = {.each = 30, .limit = 1000};
  struct replay *replay = replay_new();
  (void)state;
  keep_many(replay, &all, 10);
  assert_int_equal(replay->kept.count, 3);
  assert_int_equal(replay_base(replay), 7);
  replay_free(replay, &all);
}

static void loses_the_oldest_over_the_bound_of_all(void **state) {
  struct replays all = {.each = 1000, .limit = 50};
  struct replay *one = replay_new(), *other = replay_new();
  (void)state;
  keep_many(one, &all, 4);
  keep_many(other, &all, 4);
  assert_int_equal(one->kept.count, 4);
  assert_int_equal(other->kept.count, 1);
  replay_free(one, &all);
  replay_free(other, &all);
  assert_int_equal(all.bytes, 0);
}

static void asks_once_when_half_is_used(void **state) {
  struct replays all = {.each = 100, .limit = 1000};
  struct replay *replay = replay_new();
  (void)state;
  keep_many(replay, &all, 5);
  assert_false(replay_wants_ack(replay, &all));
  keep_many(replay, &all, 1);
  assert_true(replay_wants_ack(replay, &all));
  replay->asked = true;
  assert_false(replay_wants_ack(replay, &all));
  replay_ack(replay, &all, 0);
  assert_true(replay_wants_ack(replay, &all));
  replay_free(replay, &all);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keeps_what_is_not_acknowledged),
      cmocka_unit_test(ignores_counts_that_cannot_be),
      cmocka_unit_test(loses_the_oldest_over_its_bound),
      cmocka_unit_test(loses_the_oldest_over_the_bound_of_all),
      cmocka_unit_test(asks_once_when_half_is_used),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
