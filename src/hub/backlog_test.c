/* SPDX-License-Identifier: MIT
 * Tests of hub/backlog: what is counted, who is closed, and who is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "hub/fake_test.h"
#include "hub/shed.h"

enum { STALL_MS = 1000, HEADER = 4 };

static void start(struct fake *fake, size_t limit) {
  fake_start(fake, (struct manager_limits){.queue_bytes = 60200,
                                           .backlog_bytes = limit});
}

/* Queues a frame of `bytes`, header included (126 to 60000). */
static void queue(struct conn *conn, size_t bytes) {
  static const char zeros[60000];
  struct frame *frame = frame_new(FRAME_BINARY, zeros, bytes - HEADER);
  assert_int_equal(conn_send(conn, frame), 0);
  frame_unref(frame);
}

/* So many bytes wait, and one of a frame that has begun to leave. */
static struct conn *slow(struct fake *fake, const char *user, size_t bytes) {
  struct conn *conn = fake_login(fake, user);
  queue(conn, 200);
  fake_block(conn, 199);
  queue(conn, bytes);
  return conn;
}

static void who_keeps_up_is_not_counted(void **state) {
  struct fake fake;
  (void)state;
  start(&fake, 1000);
  struct conn *conn = fake_login(&fake, "alice");
  queue(conn, 5000);
  assert_int_equal(fake.manager.owner.backlog.bytes, 0);
  shed_longest(&fake.manager, 0);
  assert_true(conn_is_open(conn));
  fake_stop(&fake);
}

static void what_waits_is_counted_until_it_is_gone(void **state) {
  struct fake fake;
  (void)state;
  start(&fake, 0);
  struct backlog *backlog = &fake.manager.owner.backlog;
  struct conn *alice = fake_login(&fake, "alice");
  struct conn *bob = slow(&fake, "bob", 299);
  queue(alice, 1000);
  fake_block(alice, 800);
  assert_int_equal(backlog->bytes, 500);
  queue(alice, 1000);
  queue(alice, 5000);
  assert_int_equal(backlog->bytes, 6500);
  fake_block(alice, 950); /* it took some of the rest */
  assert_int_equal(backlog->bytes, 6350);
  fake_flush(alice);
  assert_int_equal(backlog->bytes, 300);
  conn_close(bob, CLOSE_NORMAL, NULL); /* what waits still goes out */
  assert_true(backlog->bytes > 300);
  fake_end(bob);
  assert_int_equal(backlog->bytes, 0);
  fake_stop(&fake);
}

static void the_longest_queues_are_closed_first(void **state) {
  struct fake fake;
  (void)state;
  start(&fake, 20000);
  struct conn *small = slow(&fake, "small", 1000);
  struct conn *large = slow(&fake, "large", 9000);
  struct conn *medium = slow(&fake, "medium", 4000);
  shed_longest(&fake.manager, 0);
  assert_true(conn_is_open(large));
  queue(small, 200);
  queue(medium, 3000);
  struct conn *huge = slow(&fake, "huge", 20000);
  shed_longest(&fake.manager, 0);
  assert_int_equal(huge->close_code, CLOSE_SLOW_CONSUMER);
  assert_true(conn_is_open(large));
  queue(small, 3000);
  shed_longest(&fake.manager, 0);
  assert_int_equal(large->close_code, CLOSE_SLOW_CONSUMER);
  assert_true(conn_is_open(medium) && conn_is_open(small));
  assert_int_equal(fake.stats.queues_shed, 2);
  fake_stop(&fake);
}

/* What was queued in this turn is no sign of a slow client. */
static void who_takes_it_when_asked_is_not_closed(void **state) {
  struct fake fake;
  (void)state;
  start(&fake, 1000);
  struct conn *conn = slow(&fake, "alice", 5000);
  fake.takes_all = true;
  shed_longest(&fake.manager, 0);
  assert_true(conn_is_open(conn));
  assert_int_equal(fake.manager.owner.backlog.bytes, 0);
  fake_stop(&fake);
}

/* They had their moment. */
static void what_closing_ones_hold_closes_nobody_else(void **state) {
  struct fake fake;
  (void)state;
  start(&fake, 1000);
  struct conn *alice = slow(&fake, "alice", 5000);
  struct conn *bob = slow(&fake, "bob", 900);
  conn_close(alice, CLOSE_KICKED, NULL);
  assert_int_equal(fake.killed, 0);
  shed_longest(&fake.manager, 0);
  assert_int_equal(alice->close_code, CLOSE_KICKED);
  assert_int_equal(fake.killed, 1);
  assert_true(conn_is_open(bob));
  assert_int_equal(fake.manager.owner.backlog.bytes, 901);
  assert_int_equal(fake.stats.queues_shed, 0);
  fake_stop(&fake);
}

static void no_limit_closes_nobody(void **state) {
  struct fake fake;
  (void)state;
  start(&fake, 0);
  struct conn *conn = slow(&fake, "alice", 50000);
  shed_longest(&fake.manager, 0);
  assert_true(conn_is_open(conn));
  fake_stop(&fake);
}

static void a_peer_that_takes_nothing_is_cut_off(void **state) {
  struct fake fake;
  (void)state;
  start(&fake, 0);
  struct conn *conn = slow(&fake, "alice", 500);
  struct conn *idle = fake_login(&fake, "idle");
  uint64_t now = conn->backlog.acked_ms;
  shed_stalled(&fake.manager, now + 300, STALL_MS);
  shed_stalled(&fake.manager, now + 300 + STALL_MS - 1, STALL_MS);
  assert_true(conn_is_open(conn));
  queue(conn, 500); /* what we would like to send is no progress */
  shed_stalled(&fake.manager, now + 300 + STALL_MS, STALL_MS);
  assert_int_equal(conn->close_code, CLOSE_SLOW_CONSUMER);
  assert_int_equal(fake.killed, 1);
  assert_int_equal(fake.stats.stalled, 1);
  assert_true(conn_is_open(idle));
  fake_stop(&fake);
}

static void a_peer_that_is_only_slow_stays(void **state) {
  struct fake fake;
  (void)state;
  start(&fake, 0);
  struct conn *conn = slow(&fake, "alice", 500);
  uint64_t now = conn->backlog.acked_ms;
  for (int i = 0; i < 20; i++) {
    fake.acked++;
    now += STALL_MS - 1;
    shed_stalled(&fake.manager, now, STALL_MS);
  }
  assert_true(conn_is_open(conn));
  fake_stop(&fake);
}

/* As it looks behind a proxy: 10 KB/s, but seldom. */
static void a_peer_that_takes_lumps_stays(void **state) {
  struct fake fake;
  (void)state;
  start(&fake, 0);
  struct conn *conn = slow(&fake, "alice", 500);
  uint64_t now = conn->backlog.acked_ms;
  shed_stalled(&fake.manager, now, STALL_MS);
  for (int i = 0; i < 20; i++) {
    fake.acked += 2 * STALL_MS * 10;
    shed_stalled(&fake.manager, now, STALL_MS);
    now += 2 * STALL_MS;
    shed_stalled(&fake.manager, now - 1, STALL_MS);
    assert_true(conn_is_open(conn));
  }
  /* However much it has taken, there is an end. */
  fake.acked += 1 << 30;
  shed_stalled(&fake.manager, now, STALL_MS);
  shed_stalled(&fake.manager, now + 3 * STALL_MS - 1, STALL_MS);
  assert_true(conn_is_open(conn));
  shed_stalled(&fake.manager, now + 3 * STALL_MS, STALL_MS);
  assert_int_equal(conn->close_code, CLOSE_SLOW_CONSUMER);
  fake_stop(&fake);
}

/* Being behind again is a new beginning. */
static void catching_up_ends_the_watch(void **state) {
  struct fake fake;
  (void)state;
  start(&fake, 0);
  struct conn *conn = slow(&fake, "alice", 500);
  uint64_t now = conn->backlog.acked_ms;
  shed_stalled(&fake.manager, now, STALL_MS);
  fake_flush(conn);
  shed_stalled(&fake.manager, now + 2 * STALL_MS, STALL_MS);
  queue(conn, 500);
  fake_block(conn, 1);
  shed_stalled(&fake.manager, now + 2 * STALL_MS, STALL_MS);
  assert_true(conn_is_open(conn));
  fake_stop(&fake);
}

static void control_messages_may_go_over_the_limit_a_little(void **state) {
  struct fake fake;
  (void)state;
  start(&fake, 0);
  struct frame *ping = frame_new(FRAME_TEXT, "{\"type\":\"ping\"}", 15);
  struct conn *conn = slow(&fake, "alice", 60000);
  struct conn *other = slow(&fake, "bob", 60000);
  int count = 0, less = 0;
  while (conn_send(other, ping) == 0)
    less++;
  while (conn_send_control(conn, ping) == 0)
    count++;
  assert_true(count > less + 100);
  assert_int_equal(conn->close_code, CLOSE_SLOW_CONSUMER);
  frame_unref(ping);
  fake_stop(&fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(who_keeps_up_is_not_counted),
      cmocka_unit_test(what_waits_is_counted_until_it_is_gone),
      cmocka_unit_test(the_longest_queues_are_closed_first),
      cmocka_unit_test(who_takes_it_when_asked_is_not_closed),
      cmocka_unit_test(what_closing_ones_hold_closes_nobody_else),
      cmocka_unit_test(no_limit_closes_nobody),
      cmocka_unit_test(a_peer_that_takes_nothing_is_cut_off),
      cmocka_unit_test(a_peer_that_is_only_slow_stays),
      cmocka_unit_test(a_peer_that_takes_lumps_stays),
      cmocka_unit_test(catching_up_ends_the_watch),
      cmocka_unit_test(control_messages_may_go_over_the_limit_a_little),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
