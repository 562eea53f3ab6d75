/* SPDX-License-Identifier: MIT
 * Tests of net/wheel, on a loop that waits for real. */
#include "net/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct thing {
  struct deadline deadline;
  uint64_t wanted_ms;
  int served, again;   /* how often it is to be set again */
  struct thing *other; /* is unset by this */
};

static uv_loop_t loop;
static struct wheel wheel;
static int left; /* to be served */
static uint64_t last_ms;
static int times; /* at which that happened */

static void set(struct thing *thing, uint64_t in_ms) {
  thing->wanted_ms = uv_now(&loop) + in_ms;
  wheel_set(&wheel, &thing->deadline, thing->wanted_ms);
}

static void serve(struct deadline *deadline) {
  struct thing *thing = container_of(deadline, struct thing, deadline);
  assert_false(list_linked(&deadline->node));
  assert_true(uv_now(&loop) >= thing->wanted_ms);
  thing->served++;
  times += uv_now(&loop) != last_ms;
  last_ms = uv_now(&loop);
  if (thing->other)
    wheel_unset(&thing->other->deadline);
  if (thing->again-- > 0)
    set(thing, 10);
  else if (--left == 0)
    wheel_close(&wheel);
}

static void start(int count) {
  assert_int_equal(uv_loop_init(&loop), 0);
  wheel_init(&wheel, &loop, serve);
  left = count;
  times = 0;
}

/* Until all are served. */
static void finish(void) {
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(uv_loop_close(&loop), 0);
}

static struct thing *things_new(int count) {
  struct thing *things = calloc((size_t)count, sizeof *things);
  assert_non_null(things);
  for (int i = 0; i < count; i++)
    list_init(&things[i].deadline.node);
  return things;
}

static void each_is_served_once_and_not_early(void **state) {
  static const uint64_t delays[] = {0, 1, 7, 8, 9, 100, 499, 501, 777, 1200};
  enum { COUNT = sizeof delays / sizeof *delays };
  struct thing *things = things_new(2 * COUNT);
  (void)state;
  start(2 * COUNT);
  for (int i = 0; i < 2 * COUNT; i++)
    set(&things[i], delays[i % COUNT]);
  finish();
  for (int i = 0; i < 2 * COUNT; i++)
    assert_int_equal(things[i].served, 1);
  free(things);
}

static void many_are_served_together(void **state) {
  enum { COUNT = 1000 };
  struct thing *things = things_new(COUNT);
  (void)state;
  start(COUNT);
  for (int i = 0; i < COUNT; i++)
    set(&things[i], 505 + (uint64_t)i % 20);
  finish();
  assert_in_range(times, 1, 2); /* 20 ms are in two slots at most */
  free(things);
}

static void it_may_be_set_again_sooner_or_later(void **state) {
  struct thing *things = things_new(3);
  (void)state;
  start(3);
  set(&things[0], 60000);
  set(&things[1], 20);
  set(&things[2], 5);
  set(&things[0], 10);
  set(&things[1], 700);
  things[2].again = 5; /* while it is served */
  finish();
  assert_int_equal(things[0].served, 1);
  assert_int_equal(things[1].served, 1);
  assert_int_equal(things[2].served, 6);
  free(things);
}

static void what_is_unset_is_not_served(void **state) {
  struct thing *things = things_new(4);
  (void)state;
  start(2);
  for (int i = 0; i < 4; i++)
    set(&things[i], 10);
  wheel_unset(&things[1].deadline);
  wheel_unset(&things[1].deadline);
  things[0].other = &things[2]; /* in the same slot, while that is served */
  finish();
  assert_int_equal(things[0].served, 1);
  assert_int_equal(things[1].served, 0);
  assert_int_equal(things[2].served, 0);
  assert_int_equal(things[3].served, 1);
  free(things);
}

static void a_loop_that_was_held_up_serves_all(void **state) {
  struct thing *things = things_new(3);
  (void)state;
  start(3);
  set(&things[0], 1);
  set(&things[1], 2100); /* as far as one turn of the first ring */
  uv_sleep(2200);
  uv_update_time(&loop);
  set(&things[2], 8);
  finish();
  for (int i = 0; i < 3; i++)
    assert_int_equal(things[i].served, 1);
  free(things);
}

/* Nobody waits a minute here: only that it is set to less. */
static void what_is_far_away_is_served_meanwhile(void **state) {
  struct thing *things = things_new(1);
  (void)state;
  start(1);
  wheel_set(&wheel, &things->deadline, UINT64_MAX - 1);
  assert_in_range(things->deadline.due_ms - uv_now(&loop), 60000, 66000);
  wheel_unset(&things->deadline);
  wheel_close(&wheel);
  finish();
  free(things);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_is_served_once_and_not_early),
      cmocka_unit_test(many_are_served_together),
      cmocka_unit_test(it_may_be_set_again_sooner_or_later),
      cmocka_unit_test(what_is_unset_is_not_served),
      cmocka_unit_test(a_loop_that_was_held_up_serves_all),
      cmocka_unit_test(what_is_far_away_is_served_meanwhile),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
