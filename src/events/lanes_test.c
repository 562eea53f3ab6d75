/* SPDX-License-Identifier: MIT
 * Tests of events/lanes: what may go, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "events/lanes.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES = 1 << 20 };

static void add(struct lanes *lanes, int64_t pos, const char *lane) {
  struct outbox_item item = {
      .pos = pos, .lane = lane, .body = lane, .body_len = strlen(lane)};
  lanes_add(lanes, &item);
}

/* Whether these positions are in the batch, in this order. */
static bool has(const struct batch *batch, unsigned count, ...) {
  va_list args;
  bool same = batch && batch->count == count;
  va_start(args, count);
  for (unsigned i = 0; i < count && same; i++)
    same = batch->events[i]->pos == va_arg(args, int);
  va_end(args);
  return same;
}

static void a_batch_is_in_order(void **state) {
  struct lanes lanes;
  (void)state;
  lanes_init(&lanes);
  add(&lanes, 1, "alice");
  add(&lanes, 2, "bob");
  add(&lanes, 3, "alice");
  struct batch *batch = lanes_take(&lanes, 10, BYTES);
  assert_true(has(batch, 3, 1, 2, 3));
  assert_null(lanes_take(&lanes, 10, BYTES));
  lanes_done(&lanes, batch);
  assert_int_equal(lanes.loaded, 0);
  lanes_free(&lanes);
}

static void a_lane_waits_for_its_batch(void **state) {
  struct lanes lanes;
  (void)state;
  lanes_init(&lanes);
  add(&lanes, 1, "alice");
  struct batch *first = lanes_take(&lanes, 10, BYTES);
  add(&lanes, 2, "alice");
  add(&lanes, 3, "bob");
  assert_int_equal(lanes.waiting - lanes.held, 1);
  struct batch *second = lanes_take(&lanes, 10, BYTES);
  assert_true(has(second, 1, 3));
  lanes_done(&lanes, first);
  assert_int_equal(lanes.held, 0);
  struct batch *third = lanes_take(&lanes, 10, BYTES);
  assert_true(has(third, 1, 2));
  lanes_done(&lanes, second);
  lanes_done(&lanes, third);
  lanes_free(&lanes);
}

static void batches_are_bounded(void **state) {
  struct lanes lanes;
  (void)state;
  lanes_init(&lanes);
  for (int i = 1; i <= 5; i++)
    add(&lanes, i, "alice");
  struct batch *batch = lanes_take(&lanes, 3, BYTES);
  assert_true(has(batch, 3, 1, 2, 3));
  lanes_done(&lanes, batch);
  batch = lanes_take(&lanes, 3, 1); /* one always fits */
  assert_true(has(batch, 1, 4));
  lanes_done(&lanes, batch);
  lanes_free(&lanes);
}

static void the_second_half_goes_back_to_the_front(void **state) {
  struct lanes lanes;
  (void)state;
  lanes_init(&lanes);
  add(&lanes, 1, "alice");
  add(&lanes, 2, "bob");
  add(&lanes, 3, "alice");
  add(&lanes, 4, "bob");
  add(&lanes, 5, "carol");
  struct batch *batch = lanes_take(&lanes, 10, BYTES);
  add(&lanes, 6, "carol");
  add(&lanes, 7, "dave");
  lanes_halve(&lanes, batch);
  assert_true(has(batch, 3, 1, 2, 3));
  assert_int_equal(lanes.held, 1); /* bob's 4 */
  struct batch *rest = lanes_take(&lanes, 10, BYTES);
  assert_true(has(rest, 3, 5, 6, 7));
  lanes_done(&lanes, batch);
  batch = lanes_take(&lanes, 10, BYTES);
  assert_true(has(batch, 1, 4));
  lanes_done(&lanes, batch);
  lanes_done(&lanes, rest);
  assert_int_equal(lanes.loaded, 0);
  assert_int_equal(lanes.waiting, 0);
  assert_int_equal(lanes.held, 0);
  lanes_free(&lanes);
}

static void what_was_dropped_frees_its_lane(void **state) {
  struct lanes lanes;
  (void)state;
  lanes_init(&lanes);
  add(&lanes, 1, "alice");
  add(&lanes, 2, "bob");
  struct batch *batch = lanes_take(&lanes, 10, BYTES);
  add(&lanes, 3, "alice");
  lanes_drop(&lanes, batch, 0);
  assert_true(has(batch, 1, 2));
  struct batch *next = lanes_take(&lanes, 10, BYTES);
  assert_true(has(next, 1, 3));
  lanes_done(&lanes, batch);
  lanes_done(&lanes, next);
  lanes_free(&lanes);
}

/* Whatever happens to batches, each lane is taken in its order. */
static void order_is_kept_whatever_happens(void **state) {
  enum { LANES = 7, EVENTS = 3000, BATCHES = 4 };
  struct lanes lanes;
  struct batch *batches[BATCHES] = {0};
  int64_t last[LANES] = {0};
  int64_t pos = 0, done = 0;
  unsigned seed = 1;
  (void)state;
  lanes_init(&lanes);
  while (done < EVENTS) {
    int at = rand_r(&seed) % BATCHES;
    struct batch *batch = batches[at];
    if (pos < EVENTS) {
      char name[2] = {(char)('a' + rand_r(&seed) % LANES), 0};
      add(&lanes, ++pos, name);
    }
    if (!batch) {
      batches[at] = lanes_take(&lanes, 1 + (unsigned)rand_r(&seed) % 9, BYTES);
    } else if (batch->count > 1 && rand_r(&seed) % 2) {
      lanes_halve(&lanes, batch);
    } else {
      for (unsigned i = 0; i < batch->count; i++) {
        int lane = batch->events[i]->body[0] - 'a';
        assert_true(batch->events[i]->pos > last[lane]);
        last[lane] = batch->events[i]->pos;
        done++;
      }
      lanes_done(&lanes, batch);
      batches[at] = NULL;
    }
  }
  assert_int_equal(lanes.loaded, 0);
  lanes_free(&lanes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_batch_is_in_order),
      cmocka_unit_test(a_lane_waits_for_its_batch),
      cmocka_unit_test(batches_are_bounded),
      cmocka_unit_test(the_second_half_goes_back_to_the_front),
      cmocka_unit_test(what_was_dropped_frees_its_lane),
      cmocka_unit_test(order_is_kept_whatever_happens),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
