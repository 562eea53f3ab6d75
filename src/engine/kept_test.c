/* SPDX-License-Identifier: MIT
 * Tests of engine/kept: a ring with holes, and its keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/kept.h"
#include "wire/deflate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void push(struct kept *kept, uint64_t seq, const char *key) {
  struct frame *frame = frame_new(FRAME_TEXT, "hello", 5);
  kept_push(kept, frame, seq, seq, key, key ? strlen(key) : 0);
  frame_unref(frame);
}

static void test_places_are_found_by_number(void **state) {
  struct kept kept = {0};
  (void)state;
  assert_null(kept_first(&kept));
  assert_int_equal(kept_place(&kept, 5), 0);
  for (uint64_t seq = 10; seq < 1000; seq += 10) {
    push(&kept, seq, NULL);
    if (kept.count > 20)
      kept_drop_first(&kept);
  }
  assert_int_equal(kept.count, 20);
  assert_int_equal(kept.bytes, 20 * 7);
  assert_int_equal(kept_first(&kept)->seq, 800);
  assert_int_equal(kept_place(&kept, 1), 0);
  assert_int_equal(kept_place(&kept, 800), 0);
  assert_int_equal(kept_place(&kept, 801), 1);
  assert_int_equal(kept_at(&kept, kept_place(&kept, 985))->seq, 990);
  assert_int_equal(kept_place(&kept, 991), 20);
  kept_clear(&kept);
  assert_int_equal(kept_cost(&kept), 0);
}

/* What must be there: of each key the newest, and of these the newest 25. */
static void check_keys(const struct kept *kept, const uint64_t newest[40]) {
  uint32_t count = 0, expected = 0;
  uint64_t before = 0;
  for (uint32_t i = 0; i < kept->places; i++) {
    const struct kept_entry *entry = kept_at(kept, i);
    assert_true(entry->seq > before);
    before = entry->seq;
    if (entry->frame)
      assert_int_equal(newest[entry->at_ms], entry->seq);
    count += entry->frame != NULL;
  }
  for (int k = 0; k < 40; k++)
    expected += newest[k] > 0;
  assert_int_equal(count, kept->count);
  assert_int_equal(count, expected < 25 ? expected : 25);
  assert_in_range(kept->places, count, 4 * count + 4);
}

/* Few keys are looked for one by one, many in a table: 1 to 40 of them, in a
 * random order, and a bound that lets keys go. */
static void test_of_each_key_the_newest_is_there(void **state) {
  struct kept kept = {0};
  uint64_t newest[40] = {0};
  char key[16];
  (void)state;
  for (uint64_t seq = 1; seq <= 8000; seq++) {
    int k = rand() % (int)(seq / 200 + 1);
    if (k >= 40)
      continue;
    struct frame *frame = frame_new(FRAME_TEXT, "hello", 5);
    snprintf(key, sizeof key, "k%d", k);
    kept_push(&kept, frame, seq, (uint64_t)k, key, strlen(key));
    frame_unref(frame);
    newest[k] = seq;
    if (kept.count > 25)
      kept_drop_first(&kept);
    check_keys(&kept, newest);
  }
  kept_clear(&kept);
}

static void test_what_is_compressed_is_counted(void **state) {
  char text[1000] = {0};
  struct kept kept = {0};
  struct stats stats = {0};
  struct deflate *deflate = deflate_new(1, 100, &stats);
  size_t plain = 0;
  (void)state;
  memset(text, 'x', sizeof text);
  for (int i = 0; i < 20; i++) {
    struct frame *frame = frame_new(FRAME_TEXT, text, sizeof text);
    kept_push(&kept, frame, (uint64_t)i + 1, 1, NULL, 0);
    if (i == 9)
      plain = kept_cost(&kept);
    if (i >= 10)
      assert_ptr_not_equal(deflate_frame(deflate, frame), frame);
    frame_unref(frame);
  }
  assert_in_range(kept.twin_bytes, 9 * 20, 9 * 60);
  assert_true(kept_cost(&kept) > plain + kept.twin_bytes);
  while (kept.count > 0)
    kept_drop_first(&kept);
  assert_int_equal(kept.twin_bytes, 0);
  kept_clear(&kept);
  deflate_free(deflate);
}

static void test_one_key_needs_little(void **state) {
  struct kept kept = {0};
  (void)state;
  for (uint64_t seq = 1; seq < 1000; seq++)
    push(&kept, seq, "price");
  assert_int_equal(kept.count, 1);
  assert_int_equal(kept_first(&kept)->seq, 999);
  assert_in_range(kept_cost(&kept), 100, 350);
  kept_clear(&kept);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_places_are_found_by_number),
      cmocka_unit_test(test_of_each_key_the_newest_is_there),
      cmocka_unit_test(test_what_is_compressed_is_counted),
      cmocka_unit_test(test_one_key_needs_little),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
