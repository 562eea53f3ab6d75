/* SPDX-License-Identifier: MIT
 * Tests of hub/conn: when a client counts as slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "hub/fake_test.h"

static struct conn *start_with_queue(struct fake *fake, size_t bytes) {
  fake_start(fake, (struct manager_limits){.queue_bytes = bytes});
  return fake_login(fake, "alice");
}

/* The loop's time stands still while a script sends. */
static void pass(struct fake *fake, uint64_t ms) {
  uint64_t end = uv_now(&fake->loop) + ms;
  while (uv_now(&fake->loop) < end)
    uv_update_time(&fake->loop);
}

static void a_burst_closes_to_the_byte(void **state) {
  struct fake fake;
  struct frame *ten = frame_new(FRAME_TEXT, "12345678", 8);
  struct frame *empty = frame_new(FRAME_TEXT, "", 0);
  (void)state;
  struct conn *conn = start_with_queue(&fake, 20);
  for (int i = 0; i < 2 * CONN_BURST_TIMES; i++) {
    assert_int_equal(conn_send(conn, ten), 0);
    assert_int_equal(fake.flushed > 0, i >= 2);
  }
  assert_int_equal(conn_send(conn, empty), ERR_FULL);
  assert_int_equal(conn->close_code, CLOSE_SLOW_CONSUMER);
  assert_int_equal(conn->out.count, 1);
  assert_int_equal(outq_peek(&conn->out, 0)->data[0], 0x88);
  assert_int_equal(atomic_load(&ten->refs), 1);
  assert_int_equal(fake.stats.slow_consumers, 1);
  assert_int_equal(fake.stats.frames_out, 2 * CONN_BURST_TIMES);
  frame_unref(ten);
  frame_unref(empty);
  fake_stop(&fake);
}

static void a_burst_to_one_who_reads_closes_nobody(void **state) {
  struct fake fake;
  struct frame *ten = frame_new(FRAME_TEXT, "12345678", 8);
  (void)state;
  struct conn *conn = start_with_queue(&fake, 20);
  fake.takes_all = true;
  for (int i = 0; i < 1000; i++) {
    assert_false(conn_is_behind(conn));
    assert_int_equal(conn_send(conn, ten), 0);
  }
  frame_unref(ten);
  fake_flush(conn);
  fake_stop(&fake);
}

static void a_queue_that_stays_full_closes(void **state) {
  struct fake fake;
  struct frame *ten = frame_new(FRAME_TEXT, "12345678", 8);
  (void)state;
  struct conn *conn = start_with_queue(&fake, 20);
  for (int i = 0; i < 3; i++)
    assert_int_equal(conn_send(conn, ten), 0);
  pass(&fake, CONN_SLOW_MS + 1);
  assert_int_equal(conn_send(conn, ten), ERR_FULL);
  assert_int_equal(conn->close_code, CLOSE_SLOW_CONSUMER);
  frame_unref(ten);
  fake_stop(&fake);
}

/* What was full long ago says nothing about the next burst. */
static void a_queue_that_drained_is_judged_anew(void **state) {
  struct fake fake;
  struct frame *ten = frame_new(FRAME_TEXT, "12345678", 8);
  (void)state;
  struct conn *conn = start_with_queue(&fake, 20);
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 3; i++)
      assert_int_equal(conn_send(conn, ten), 0);
    outq_drop(&conn->out, round ? 2 : 1); /* of 30, 50 bytes */
    fake_block(conn, 0);
    pass(&fake, CONN_SLOW_MS + 1);
    assert_true(conn_is_behind(conn));
  }
  assert_int_equal(conn->out.bytes, 30);
  assert_int_equal(conn_send(conn, ten), ERR_FULL);
  frame_unref(ten);
  fake_stop(&fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_burst_closes_to_the_byte),
      cmocka_unit_test(a_burst_to_one_who_reads_closes_nobody),
      cmocka_unit_test(a_queue_that_stays_full_closes),
      cmocka_unit_test(a_queue_that_drained_is_judged_anew),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
