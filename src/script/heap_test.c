/* SPDX-License-Identifier: MIT
 * Tests of script/heap: what it counts, refuses, keeps and gives back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script/heap.h"

#include <string.h>

/* Lua's way to ask for a new block: `old` is a type then. */
enum { A_TYPE = 4 };

static void *new_block(struct heap *heap, size_t size) {
  return heap_allocate(heap, NULL, A_TYPE, size);
}

static void drop(struct heap *heap, void *ptr, size_t size) {
  assert_null(heap_allocate(heap, ptr, size, 0));
}

static void counts_what_is_in_use(void **state) {
  struct heap heap = {0};
  (void)state;
  void *small = new_block(&heap, 10);
  void *large = new_block(&heap, 10000);
  assert_int_equal(heap.used, 10010);
  small = heap_allocate(&heap, small, 10, 700);
  assert_int_equal(heap.used, 10700);
  large = heap_allocate(&heap, large, 10000, 5);
  assert_int_equal(heap.used, 705);
  drop(&heap, small, 700);
  drop(&heap, large, 5);
  assert_int_equal(heap.used, 0);
  heap_free(&heap);
}

static void dropping_nothing_is_nothing(void **state) {
  struct heap heap = {0};
  (void)state;
  drop(&heap, NULL, 0);
  assert_int_equal(heap.used, 0);
  heap_free(&heap);
}

static void keeps_the_contents_when_it_resizes(void **state) {
  static const size_t sizes[] = {1, 16, 17, 511, 512, 513, 4096, 513, 512, 1};
  struct heap heap = {0};
  size_t old = 1;
  (void)state;
  char *block = new_block(&heap, old);
  assert_non_null(block);
  *block = 'x';
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    block = heap_allocate(&heap, block, old, sizes[i]);
    assert_non_null(block);
    assert_int_equal(*block, 'x');
    memset(block, 'x', sizes[i]); /* all of it is there */
    old = sizes[i];
  }
  drop(&heap, block, old);
  heap_free(&heap);
}

static void refuses_to_grow_over_the_limit(void **state) {
  struct heap heap = {.limit = 1000};
  (void)state;
  void *block = new_block(&heap, 600);
  assert_null(new_block(&heap, 401));
  assert_null(heap_allocate(&heap, block, 600, 1001));
  assert_int_equal(heap.used, 600);
  block = heap_allocate(&heap, block, 600, 1000);
  assert_non_null(block);
  block = heap_allocate(&heap, block, 1000, 8);
  assert_non_null(block);
  drop(&heap, block, 8);
  heap_free(&heap);
}

/* More is dropped than may be kept: what is kept is bounded all the same. */
static void keeps_a_bounded_amount(void **state) {
  enum { BLOCKS = 5000, SIZE = 500, BOUND = 1 << 20 };
  static void *blocks[BLOCKS];
  struct heap heap = {0};
  (void)state;
  for (int i = 0; i < BLOCKS; i++)
    blocks[i] = new_block(&heap, SIZE);
  for (int i = 0; i < BLOCKS; i++)
    drop(&heap, blocks[i], SIZE);
  assert_int_equal(heap.used, 0);
  assert_true(heap.kept <= BOUND);
  heap_free(&heap);
  assert_int_equal(heap.kept, 0);
}

/* Two blocks in use are never the same one, also of neighbouring sizes. */
static void never_gives_a_block_twice(void **state) {
  struct heap heap = {0};
  char *blocks[64];
  (void)state;
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < 64; i++) {
      blocks[i] = new_block(&heap, i + 1);
      assert_non_null(blocks[i]);
      memset(blocks[i], (int)i, i + 1);
    }
    for (size_t i = 0; i < 64; i++) {
      for (size_t k = 0; k <= i; k++)
        assert_int_equal(blocks[i][k], (char)i);
      drop(&heap, blocks[i], i + 1);
    }
  }
  heap_free(&heap);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_what_is_in_use),
      cmocka_unit_test(dropping_nothing_is_nothing),
      cmocka_unit_test(keeps_the_contents_when_it_resizes),
      cmocka_unit_test(refuses_to_grow_over_the_limit),
      cmocka_unit_test(keeps_a_bounded_amount),
      cmocka_unit_test(never_gives_a_block_twice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
