/* SPDX-License-Identifier: MIT
 * Tests of protocol/resync: who is told that messages are lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/memory.h"
#include "hub/fake_test.h"
#include "hub/held.h"
#include "protocol/resync.h"

static const struct engine_position next_era = {2, 0};

static void forget_held(struct held *held) {
  (void)held;
}

static struct conn *enter(struct fake *fake, bool raw) {
  struct conn *conn = fake_login(fake, raw ? "raw" : "guest");
  conn->raw = raw;
  assert_int_equal(manager_join(&fake->manager, conn, "lobby", 5), 0);
  return conn;
}

/* A raw connection would take it for a message of its own protocol. */
static void raw_connections_are_told_nothing(void **state) {
  struct fake fake;
  struct held holds[2] = {{.ended = forget_held}, {.ended = forget_held}};
  (void)state;
  fake_start(&fake, (struct manager_limits){.queue_bytes = 1000});
  fake.manager.engine = memory_new(NULL, 0, 1000);
  struct conn *live = enter(&fake, false), *live_raw = enter(&fake, true);
  struct conn *late = enter(&fake, false), *late_raw = enter(&fake, true);
  struct room *lobby = manager_room(&fake.manager, "lobby", 5);
  held_begin(&holds[0], late, lobby);
  held_begin(&holds[1], late_raw, lobby);
  resync_era(lobby, next_era);
  assert_int_equal(live->out.count, 1);
  assert_int_equal(live_raw->out.count, 0);
  assert_int_equal(holds[0].count, 1);
  assert_int_equal(holds[1].count, 0);
  assert_int_equal(lobby->at.era, 2);
  struct frame *frame = resync_frame(fake.manager.engine, lobby, next_era);
  resync_tell(live_raw, frame);
  frame_unref(frame);
  assert_int_equal(live_raw->out.count, 0);
  assert_int_equal(fake.stats.resyncs, 1);
  fake_stop(&fake);
  engine_free(fake.manager.engine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(raw_connections_are_told_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
