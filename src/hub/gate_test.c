/* SPDX-License-Identifier: MIT
 * Tests of hub/gate: what may leave, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "events/tickets.h"
#include "hub/fake_test.h"
#include "hub/gate.h"

struct scene {
  struct fake fake;
  struct tickets tickets;
  struct conn *conn;
};

static void start_scene(struct scene *scene) {
  fake_start(&scene->fake, (struct manager_limits){.queue_bytes = 1000});
  tickets_init(&scene->tickets);
  scene->fake.manager.owner.tickets = &scene->tickets;
  scene->conn = fake_login(&scene->fake, "alice");
}

static void stop_scene(struct scene *scene) {
  fake_stop(&scene->fake);
  tickets_free(&scene->tickets);
}

static void send_one(struct scene *scene) {
  struct frame *frame = frame_new(FRAME_TEXT, "hi", 2);
  assert_int_equal(conn_send(scene->conn, frame), 0);
  frame_unref(frame);
}

static void give(struct scene *scene, uint64_t ticket) {
  atomic_store(&scene->tickets.given, ticket);
}

static void settle(struct scene *scene, uint64_t ticket) {
  tickets_settle(&scene->tickets, ticket);
  gate_look(scene->conn);
}

static void without_events_all_may_leave(void **state) {
  struct scene scene;
  (void)state;
  start_scene(&scene);
  send_one(&scene);
  assert_int_equal(gate_open_count(scene.conn), 1);
  assert_false(scene.conn->gated);
  stop_scene(&scene);
}

static void what_comes_behind_an_event_waits_for_it(void **state) {
  struct scene scene;
  (void)state;
  start_scene(&scene);
  send_one(&scene);
  give(&scene, 1);
  send_one(&scene);
  send_one(&scene);
  assert_int_equal(gate_open_count(scene.conn), 1);
  settle(&scene, 1);
  assert_int_equal(gate_open_count(scene.conn), 3);
  assert_false(scene.conn->gated);
  stop_scene(&scene);
}

static void a_steady_stream_does_not_keep_it_back(void **state) {
  struct scene scene;
  (void)state;
  start_scene(&scene);
  for (uint64_t i = 1; i <= 10; i++) {
    give(&scene, i + 1);
    send_one(&scene);
    settle(&scene, i); /* there is always one more on its way */
  }
  assert_in_range(gate_open_count(scene.conn), 8, 9);
  settle(&scene, 11);
  assert_int_equal(gate_open_count(scene.conn), 10);
  stop_scene(&scene);
}

static void what_is_behind_it_waits_too(void **state) {
  struct scene scene;
  (void)state;
  start_scene(&scene);
  give(&scene, 1);
  send_one(&scene);
  tickets_settle(&scene.tickets, 1); /* and nobody has looked yet */
  send_one(&scene);
  assert_int_equal(gate_open_count(scene.conn), 0);
  gate_look(scene.conn);
  assert_int_equal(gate_open_count(scene.conn), 2);
  stop_scene(&scene);
}

static void the_close_frame_waits(void **state) {
  struct scene scene;
  (void)state;
  start_scene(&scene);
  give(&scene, 1);
  send_one(&scene);
  conn_close(scene.conn, CLOSE_KICKED, NULL);
  assert_int_equal(scene.conn->out.count, 2);
  assert_int_equal(gate_open_count(scene.conn), 0);
  settle(&scene, 1);
  assert_int_equal(gate_open_count(scene.conn), 2);
  stop_scene(&scene);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_events_all_may_leave),
      cmocka_unit_test(what_comes_behind_an_event_waits_for_it),
      cmocka_unit_test(a_steady_stream_does_not_keep_it_back),
      cmocka_unit_test(what_is_behind_it_waits_too),
      cmocka_unit_test(the_close_frame_waits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
