/* SPDX-License-Identifier: MIT
 * Tests of engine/bus: letters keep their order and are bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/bus.h"

#include <string.h>

struct seen {
  uv_loop_t loop;
  int count;
  char texts[64];
};

static void note(void *arg, const struct bus_letter *letter) {
  struct seen *seen = arg;
  assert_string_equal(letter->target, "alice");
  assert_int_equal(letter->target_len, 5);
  seen->texts[seen->count++] =
      letter->frame ? (char)letter->frame->data[2] : *letter->text;
}

static struct bus *start(struct seen seen[2], size_t bound) {
  struct bus *bus = bus_new(2, bound);
  memset(seen, 0, 2 * sizeof *seen);
  for (int i = 0; i < 2; i++) {
    uv_loop_init(&seen[i].loop);
    bus_open(bus, i, &seen[i].loop, note, &seen[i]);
  }
  return bus;
}

static void stop(struct bus *bus, struct seen seen[2]) {
  for (int i = 0; i < 2; i++) {
    bus_close(bus, i);
    uv_run(&seen[i].loop, UV_RUN_DEFAULT);
  }
  bus_free(bus);
  for (int i = 0; i < 2; i++)
    assert_int_equal(uv_loop_close(&seen[i].loop), 0);
}

static bool post(struct bus *bus, const char *text, bool drop) {
  struct frame *frame = frame_new(FRAME_TEXT, text, strlen(text));
  struct bus_letter letter = {.to = BUS_USER,
                              .frame = frame,
                              .drop = drop,
                              .target = "alice and more",
                              .target_len = 5};
  bool posted = bus_post(bus, 1, &letter);
  frame_unref(frame);
  return posted;
}

static bool post_command(struct bus *bus) {
  struct bus_letter letter = {.to = BUS_USER,
                              .what = BUS_CLOSE,
                              .target = "alice",
                              .target_len = 5,
                              .text = "!"};
  return bus_post(bus, 1, &letter);
}

static void letters_come_in_order(void **state) {
  struct seen seen[2];
  struct bus *bus = start(seen, 0);
  (void)state;
  assert_true(post(bus, "a", false));
  assert_true(post_command(bus));
  assert_true(post(bus, "b", true));
  uv_run(&seen[1].loop, UV_RUN_NOWAIT);
  assert_string_equal(seen[1].texts, "a!b");
  assert_int_equal(seen[0].count, 0);
  stop(bus, seen);
}

/* A frame of one byte of text has three bytes. */
static void what_waits_is_bounded(void **state) {
  struct seen seen[2];
  struct bus *bus = start(seen, 9);
  (void)state;
  assert_true(post(bus, "a", true)); /* half of the bound is 4 */
  assert_false(post(bus, "b", true));
  assert_true(post(bus, "c", false));
  assert_true(post(bus, "d", false));
  assert_false(post(bus, "e", false));
  assert_true(post_command(bus));
  uv_run(&seen[1].loop, UV_RUN_NOWAIT);
  assert_string_equal(seen[1].texts, "acd!");
  assert_true(post(bus, "f", true)); /* there is room again */
  uv_run(&seen[1].loop, UV_RUN_NOWAIT);
  assert_string_equal(seen[1].texts, "acd!f");
  stop(bus, seen);
}

static void a_closed_port_takes_nothing(void **state) {
  struct seen seen[2];
  struct bus *bus = start(seen, 0);
  (void)state;
  assert_true(post(bus, "a", false)); /* freed with the bus, not opened */
  bus_close(bus, 1);
  assert_false(post(bus, "b", false));
  assert_false(post_command(bus));
  bus_close(bus, 0);
  for (int i = 0; i < 2; i++) {
    uv_run(&seen[i].loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&seen[i].loop), 0);
  }
  bus_free(bus);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(letters_come_in_order),
      cmocka_unit_test(what_waits_is_bounded),
      cmocka_unit_test(a_closed_port_takes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
