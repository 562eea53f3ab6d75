/* SPDX-License-Identifier: MIT
 * Tests of hub/outq: order, bytes and references, whatever the ring does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/outq.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 2 };

/* A frame whose payload is the number. */
static struct frame *numbered(uint32_t number) {
  return frame_new(FRAME_TEXT, &number, sizeof number);
}

static uint32_t number_of(const struct frame *frame) {
  uint32_t number;
  assert_non_null(frame);
  // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): asserted above
  memcpy(&number, frame->data + HEADER, sizeof number);
  return number;
}

static void push(struct outq *queue, uint32_t number) {
  struct frame *frame = numbered(number);
  outq_push(queue, frame);
  frame_unref(frame);
}

/* The queue must hold exactly the numbers from `first` to `end - 1`. */
static void holds(const struct outq *queue, uint32_t first, uint32_t end) {
  assert_int_equal(queue->count, end - first);
  assert_int_equal(queue->bytes, (end - first) * (HEADER + sizeof first));
  for (uint32_t i = 0; i < end - first; i++)
    if (number_of(outq_peek(queue, i)) != first + i)
      fail_msg("at %u is %u, not %u", i, number_of(outq_peek(queue, i)),
               first + i);
  assert_null(outq_peek(queue, end - first));
}

static void is_empty_at_first(void **state) {
  struct outq queue;
  (void)state;
  outq_init(&queue);
  holds(&queue, 0, 0);
  assert_null(outq_peek(&queue, UINT32_MAX));
  outq_drop(&queue, 0);
  outq_clear(&queue);
  holds(&queue, 0, 0);
}

static void keeps_the_order_when_the_inline_ring_wraps(void **state) {
  struct outq queue;
  (void)state;
  outq_init(&queue);
  push(&queue, 0);
  for (uint32_t i = 1; i < 9; i++) {
    push(&queue, i);
    holds(&queue, i - 1, i + 1);
    assert_ptr_equal(queue.ring, queue.few);
    outq_drop(&queue, 1);
  }
  outq_clear(&queue);
}

/* Grows with the head at every place that it can have in every ring. */
static void keeps_the_order_when_it_grows(void **state) {
  (void)state;
  for (uint32_t size = OUTQ_INLINE; size <= 64; size *= 2)
    for (uint32_t head = 0; head < size; head++) {
      struct outq queue;
      uint32_t first = 0, next = 0;
      outq_init(&queue);
      while (next < size)
        push(&queue, next++);
      for (; first < head; first++) {
        outq_drop(&queue, 1);
        push(&queue, next++);
      }
      for (uint32_t cap = queue.cap; queue.cap == cap;)
        push(&queue, next++);
      assert_int_equal(queue.head, 0);
      assert_int_equal(queue.cap & (queue.cap - 1), 0);
      holds(&queue, first, next);
      outq_clear(&queue);
    }
}

static void keeps_the_order_whatever_comes_and_goes(void **state) {
  struct outq queue;
  uint32_t first = 0, next = 0;
  (void)state;
  srand(1);
  outq_init(&queue);
  for (int i = 0; i < 4000; i++) {
    for (int n = rand() % 9; n > 0; n--)
      push(&queue, next++);
    uint32_t drop = (uint32_t)rand() % 10;
    drop = drop > next - first ? next - first : drop;
    outq_drop(&queue, drop);
    first += drop;
    holds(&queue, first, next);
  }
  outq_clear(&queue);
  holds(&queue, 0, 0);
}

static void keeps_what_has_begun_to_leave(void **state) {
  const size_t bytes = HEADER + sizeof(uint32_t);
  (void)state;
  for (uint32_t kept = 0; kept <= 5; kept++)
    for (size_t less = 0; less < (kept ? bytes : 1); less++) {
      struct outq queue;
      outq_init(&queue);
      for (uint32_t i = 0; i < 5; i++)
        push(&queue, i);
      outq_keep(&queue, kept * bytes - less);
      holds(&queue, 0, kept);
      push(&queue, kept);
      holds(&queue, 0, kept + 1);
      outq_clear(&queue);
    }
}

static void gives_the_ring_back_when_it_has_drained(void **state) {
  struct outq queue;
  (void)state;
  outq_init(&queue);
  for (int round = 0; round < 3; round++) {
    for (uint32_t i = 0; i < 100; i++)
      push(&queue, i);
    assert_ptr_not_equal(queue.ring, queue.few);
    outq_drop(&queue, 99);
    holds(&queue, 99, 100);
    outq_drop(&queue, 1);
    assert_ptr_equal(queue.ring, queue.few);
    holds(&queue, 0, 0);
  }
}

static void counts_the_bytes_that_wait(void **state) {
  struct outq queue;
  struct frame *ten = frame_new(FRAME_TEXT, "12345678", 8);
  struct frame *two = frame_new(FRAME_TEXT, "", 0);
  (void)state;
  outq_init(&queue);
  outq_push(&queue, ten);
  outq_push(&queue, ten);
  assert_int_equal(queue.bytes, 20);
  outq_push(&queue, two);
  assert_int_equal(queue.bytes, 22);
  outq_drop(&queue, 1);
  assert_int_equal(queue.bytes, 12);
  outq_clear(&queue);
  assert_int_equal(queue.bytes, 0);
  frame_unref(ten);
  frame_unref(two);
}

static void holds_one_reference_of_each_frame(void **state) {
  struct outq queue;
  struct frame *frame = numbered(1);
  (void)state;
  outq_init(&queue);
  for (uint32_t i = 0; i < 5; i++)
    outq_push(&queue, frame);
  assert_int_equal(atomic_load(&frame->refs), 6);
  outq_drop(&queue, 2);
  assert_int_equal(atomic_load(&frame->refs), 4);
  outq_clear(&queue);
  assert_int_equal(atomic_load(&frame->refs), 1);
  frame_unref(frame);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_empty_at_first),
      cmocka_unit_test(keeps_the_order_when_the_inline_ring_wraps),
      cmocka_unit_test(keeps_the_order_when_it_grows),
      cmocka_unit_test(keeps_the_order_whatever_comes_and_goes),
      cmocka_unit_test(keeps_what_has_begun_to_leave),
      cmocka_unit_test(gives_the_ring_back_when_it_has_drained),
      cmocka_unit_test(counts_the_bytes_that_wait),
      cmocka_unit_test(holds_one_reference_of_each_frame),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
