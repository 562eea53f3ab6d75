/* SPDX-License-Identifier: MIT
 * Tests of hub/delivery: who gets a frame, also when receivers close on the
 * way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/delivery.h"
#include "hub/fake_test.h"

static const struct delivery_opts to_all = {0};

static void join(struct conn *conn, const char *room) {
  assert_int_equal(manager_join(manager_of(conn), conn, room, strlen(room)), 0);
}

/* Whether the frame is the last that waits for the connection. */
static bool got(const struct conn *conn, const struct frame *frame) {
  return conn->out.count > 0 &&
         outq_peek(&conn->out, conn->out.count - 1) == frame;
}

static void a_room_gets_the_one_frame(void **state) {
  struct fake fake;
  (void)state;
  fake_start(&fake, (struct manager_limits){.queue_bytes = 1000});
  struct conn *alice = fake_login(&fake, "alice");
  struct conn *phone = fake_login(&fake, "bob");
  struct conn *laptop = fake_login(&fake, "bob");
  struct conn *carol = fake_login(&fake, "carol");
  struct frame *frame = frame_new(FRAME_TEXT, "hi", 2);
  join(alice, "lobby");
  join(phone, "lobby");
  join(laptop, "lobby");
  join(carol, "attic");
  assert_int_equal(delivery_to_room(&fake.manager, "lobby", 5, frame, to_all),
                   3);
  assert_true(got(alice, frame) && got(phone, frame) && got(laptop, frame));
  assert_int_equal(carol->out.count, 0);
  assert_int_equal(atomic_load(&frame->refs), 4);
  assert_int_equal(delivery_to_room(&fake.manager, "cellar", 6, frame, to_all),
                   0);
  frame_unref(frame);
  fake_stop(&fake);
}

static void a_user_gets_it_on_every_device(void **state) {
  struct fake fake;
  (void)state;
  fake_start(&fake, (struct manager_limits){.queue_bytes = 1000});
  struct conn *phone = fake_login(&fake, "bob");
  struct conn *laptop = fake_login(&fake, "bob");
  struct conn *alice = fake_login(&fake, "alice");
  struct frame *frame = frame_new(FRAME_TEXT, "hi", 2);
  struct delivery_opts but_phone = {.except = phone->id};
  assert_int_equal(delivery_to_user(&fake.manager, "bob", 3, frame, but_phone),
                   1);
  assert_int_equal(phone->out.count, 0);
  assert_int_equal(delivery_to_user(&fake.manager, "bob", 3, frame, to_all), 2);
  assert_int_equal(phone->out.count, 1);
  assert_int_equal(laptop->out.count, 2);
  assert_int_equal(alice->out.count, 0);
  conn_close(phone, 4004, NULL);
  assert_int_equal(delivery_to_user(&fake.manager, "bob", 3, frame, to_all), 1);
  conn_close(laptop, 4004, NULL);
  assert_int_equal(delivery_to_user(&fake.manager, "bob", 3, frame, to_all), 0);
  assert_int_equal(delivery_to_user(&fake.manager, "nobody", 6, frame, to_all),
                   0);
  frame_unref(frame);
  fake_stop(&fake);
}

static void everyone_means_who_has_logged_in(void **state) {
  struct fake fake;
  (void)state;
  fake_start(&fake, (struct manager_limits){.queue_bytes = 1000});
  struct conn *stranger = fake_conn(&fake);
  assert_int_equal(manager_add(&fake.manager, stranger, "::1"), 0);
  struct conn *alice = fake_login(&fake, "alice");
  struct conn *bob = fake_login(&fake, "bob");
  struct conn *closing = fake_login(&fake, "carol");
  struct frame *frame = frame_new(FRAME_TEXT, "hi", 2);
  conn_close(closing, 4004, NULL);
  assert_int_equal(delivery_to_all(&fake.manager, frame,
                                   (struct delivery_opts){.except = alice->id}),
                   1);
  assert_true(got(bob, frame));
  assert_int_equal(alice->out.count, 0);
  assert_int_equal(stranger->out.count, 0);
  assert_false(got(closing, frame));
  frame_unref(frame);
  fake_stop(&fake);
}

static void what_may_be_dropped_skips_who_is_behind(void **state) {
  struct fake fake;
  (void)state;
  fake_start(&fake, (struct manager_limits){.queue_bytes = 20});
  struct conn *alice = fake_login(&fake, "alice");
  struct conn *bob = fake_login(&fake, "bob");
  struct conn *carol = fake_login(&fake, "carol");
  struct frame *ten = frame_new(FRAME_TEXT, "12345678", 8);
  struct frame *frame = frame_new(FRAME_TEXT, "hi", 2);
  struct delivery_opts drop = {.drop = true};
  fake_block(alice, 0);
  assert_int_equal(conn_send(bob, ten), 0);
  assert_int_equal(conn_send(bob, ten), 0);
  assert_int_equal(delivery_to_all(&fake.manager, frame, drop), 1);
  assert_int_equal(fake.flushed, 1); /* alice is known to be behind */
  assert_true(got(carol, frame));
  assert_int_equal(alice->out.count, 0);
  assert_true(conn_is_open(bob));
  assert_int_equal(bob->out.count, 2);
  frame_unref(ten);
  frame_unref(frame);
  fake_stop(&fake);
}

enum { CROWD = 8, QUEUE_BYTES = 12 };

/* A crowd in a room, those of the bit mask with full queues. */
static void start_crowd(struct fake *fake, struct conn **crowd, unsigned full) {
  static const char zeros[CONN_BURST_TIMES * QUEUE_BYTES - 2];
  struct frame *large = frame_new(FRAME_BINARY, zeros, sizeof zeros);
  fake_start(fake, (struct manager_limits){.queue_bytes = QUEUE_BYTES});
  for (unsigned i = 0; i < CROWD; i++) {
    crowd[i] = fake_login(fake, i % 2 ? "odd" : "even");
    join(crowd[i], "lobby");
    join(crowd[i], "attic");
    if (full & 1u << i)
      assert_int_equal(conn_send(crowd[i], large), 0);
  }
  frame_unref(large);
}

static void check_crowd(struct fake *fake, struct conn **crowd, unsigned full,
                        const struct frame *frame, uint32_t sent) {
  uint32_t open = 0;
  for (unsigned i = 0; i < CROWD; i++) {
    bool is_full = full & 1u << i;
    open += !is_full;
    if (conn_is_open(crowd[i]) == is_full)
      fail_msg("queues %x full: connection %u", full, i);
    assert_int_equal(crowd[i]->out.count, 1);
    assert_int_equal(got(crowd[i], frame), !is_full);
    if (is_full)
      assert_int_equal(crowd[i]->close_code, CLOSE_SLOW_CONSUMER);
  }
  assert_int_equal(sent, open);
  assert_int_equal(fake->manager.count, open);
  assert_int_equal(manager_room(&fake->manager, "lobby", 5)->count, open);
  assert_int_equal(manager_room(&fake->manager, "attic", 5)->count, open);
}

/* All the ways in which some of a crowd may close in the middle of it. */
static void receivers_that_close_hide_none_of_the_others(void **state) {
  (void)state;
  for (unsigned full = 0; full < 1u << CROWD; full++)
    for (int way = 0; way < 3; way++) {
      struct fake fake;
      struct conn *crowd[CROWD];
      struct frame *frame = frame_new(FRAME_TEXT, "hi", 2);
      start_crowd(&fake, crowd, full);
      struct manager *m = &fake.manager;
      uint32_t sent = way == 0 ? delivery_to_room(m, "lobby", 5, frame, to_all)
                      : way == 1
                          ? delivery_to_all(m, frame, to_all)
                          : delivery_to_user(m, "odd", 3, frame, to_all) +
                                delivery_to_user(m, "even", 4, frame, to_all);
      check_crowd(&fake, crowd, full, frame, sent);
      fake_stop(&fake);
      assert_int_equal(atomic_load(&frame->refs), 1);
      frame_unref(frame);
    }
}

static void a_kick_closes_all_devices(void **state) {
  struct fake fake;
  struct conn *crowd[CROWD];
  (void)state;
  start_crowd(&fake, crowd, 0);
  assert_int_equal(
      delivery_close_user(&fake.manager, "odd", 3, CLOSE_KICKED, "bye", 0),
      CROWD / 2);
  for (unsigned i = 0; i < CROWD; i++) {
    assert_int_equal(conn_is_open(crowd[i]), i % 2 == 0);
    if (i % 2)
      assert_memory_equal(outq_peek(&crowd[i]->out, 0)->data,
                          "\x88\x05\x11\x96"
                          "bye",
                          7);
  }
  assert_int_equal(
      delivery_close_user(&fake.manager, "odd", 3, CLOSE_KICKED, "bye", 0), 0);
  assert_int_equal(
      delivery_close_user(&fake.manager, "nobody", 6, CLOSE_KICKED, NULL, 0),
      0);
  fake_stop(&fake);
}

static void a_flushed_connection_asks_again(void **state) {
  struct fake fake;
  (void)state;
  fake_start(&fake, (struct manager_limits){.queue_bytes = 12});
  struct conn *conn = fake_login(&fake, "alice");
  struct frame *frame = frame_new(FRAME_TEXT, "12345678", 8);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(delivery_to_all(&fake.manager, frame, to_all), 1);
    assert_true(list_linked(&conn->dirty));
    fake_flush(conn);
  }
  frame_unref(frame);
  fake_stop(&fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_room_gets_the_one_frame),
      cmocka_unit_test(a_user_gets_it_on_every_device),
      cmocka_unit_test(everyone_means_who_has_logged_in),
      cmocka_unit_test(what_may_be_dropped_skips_who_is_behind),
      cmocka_unit_test(receivers_that_close_hide_none_of_the_others),
      cmocka_unit_test(a_kick_closes_all_devices),
      cmocka_unit_test(a_flushed_connection_asks_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
