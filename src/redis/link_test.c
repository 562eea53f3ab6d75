/* SPDX-License-Identifier: MIT
 * A link against real servers that are refused, reset, stopped and killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "redis/rig_test.h"

static void commands_are_answered_in_order(void **state) {
  struct rig *rig = *state;
  for (int i = 0; i < 1000; i++)
    assert_int_equal(say(rig, "INCR n"), 0);
  assert_int_equal(rig->answered, 0); /* never at once */
  UNTIL(rig, rig->answered == 1000);
  assert_int_equal(link_status(rig->link).commands, 0);
  assert_int_equal(link_status(rig->link).bytes, 0);
}

static void channels_are_confirmed_and_heard(void **state) {
  struct rig *rig = *state;
  struct link_channel *channel = link_subscribe(rig->link, word("c"), NULL);
  assert_non_null(channel);
  assert_null(link_subscribe(rig->link, word("c"), NULL));
  UNTIL(rig, rig->subscribed == 1);
  assert_int_equal(say(rig, "PUBLISH c hello"), 0);
  UNTIL(rig, rig->messages == 1);
  assert_string_equal(rig->payload, "hello");
  link_unsubscribe(channel);
  channel = link_subscribe(rig->link, word("c"), NULL);
  UNTIL(rig, rig->subscribed == 2);
  assert_int_equal(say(rig, "PUBLISH c again"), 0);
  UNTIL(rig, rig->messages == 2);
  link_unsubscribe(channel);
  for (int i = 0; i < 3; i++) {
    channel = link_subscribe(rig->link, word("c"), NULL);
    uv_run(&rig->loop, UV_RUN_NOWAIT); /* told, not answered */
    link_unsubscribe(channel);
    uv_run(&rig->loop, UV_RUN_NOWAIT);
  }
  assert_non_null(link_subscribe(rig->link, word("c"), NULL));
  int before = rig->subscribed;
  UNTIL(rig, rig->subscribed == before + 1);
  assert_int_equal(say(rig, "PUBLISH c last"), 0);
  UNTIL(rig, rig->messages == 3);
}

static void a_kill_is_told_and_repaired(void **state) {
  struct rig *rig = *state;
  int ups = 1;
  assert_non_null(link_subscribe(rig->link, word("c"), NULL));
  UNTIL(rig, rig->subscribed == 1);
  const char *const kills[] = {"CLIENT KILL TYPE normal SKIPME yes",
                               "CLIENT KILL TYPE pubsub"};
  for (size_t i = 0; i < ARRAY_SIZE(kills); i++) {
    real_say(&rig->real, kills[i]);
    UNTIL(rig, rig->ups > ups && rig->subscribed == 1);
    ups = rig->ups;
    assert_int_equal(rig->downs, ups - 1);
  }
  assert_int_equal(say(rig, "PUBLISH c on"), 0);
  UNTIL(rig, rig->messages == 1);
}

static void a_stop_is_found_by_the_probe(void **state) {
  struct rig *rig = *state;
  real_kill(&rig->real, SIGSTOP);
  assert_int_equal(say(rig, "INCR n"), 0);
  UNTIL(rig, rig->downs >= 1);
  assert_non_null(strstr(rig->why, "did not come back"));
  assert_int_equal(rig->unknown, 1);
  assert_int_equal(say(rig, "INCR n"), ERR_CLOSED);
  real_kill(&rig->real, SIGCONT);
  UNTIL(rig, rig->ups >= 2);
}

static void a_restart_is_survived(void **state) {
  struct rig *rig = *state;
  real_kill(&rig->real, SIGKILL);
  UNTIL(rig, rig->downs >= 1);
  UNTIL(rig, strstr(link_status(rig->link).why, "refused"));
  real_start(&rig->real, NULL);
  UNTIL(rig, rig->ups >= 2);
}

static void too_much_is_refused(void **state) {
  struct rig *rig = *state;
  rig_unlink(rig);
  rig->options.max_commands = 10;
  rig_link(rig);
  UNTIL(rig, rig->ups >= 2);
  for (int i = 0; i < 10; i++)
    assert_int_equal(say(rig, "INCR n"), 0);
  assert_int_equal(say(rig, "INCR n"), ERR_FULL);
  UNTIL(rig, rig->answered == 10);
  assert_int_equal(say(rig, "INCR n"), 0);
  UNTIL(rig, rig->answered == 11);
}

static void what_waits_is_told_at_the_end(void **state) {
  struct rig *rig = *state;
  assert_int_equal(say(rig, "INCR n"), 0);
  link_close(rig->link);
  assert_int_equal(rig->not_sent, 1);
}

static void a_channel_that_is_forbidden_is_told(void **state) {
  struct rig *rig = *state;
  real_say(&rig->real, "ACL SETUSER default resetchannels &pg:*");
  assert_non_null(link_subscribe(rig->link, word("c"), NULL));
  UNTIL(rig, rig->downs >= 1);
  assert_non_null(strstr(rig->why, "NOPERM"));
  assert_true(link_counters(rig->link)->errors[REPLY_NOPERM] >= 1);
}

static void nobody_there_is_said(void **state) {
  struct rig *rig = *state;
  rig_url(rig, free_port());
  rig_link(rig);
  assert_int_equal(say(rig, "PING"), ERR_CLOSED);
  UNTIL(rig, strstr(link_status(rig->link).why, "refused"));
  UNTIL(rig, link_counters(rig->link)->attempts >= 3);
  assert_int_equal(rig->ups + rig->downs, 0);
}

int main(void) {
#define WITH(test, start) cmocka_unit_test_setup_teardown(test, start, rig_stop)
  const struct CMUnitTest tests[] = {
      WITH(commands_are_answered_in_order, rig_start_up),
      WITH(channels_are_confirmed_and_heard, rig_start_up),
      WITH(a_kill_is_told_and_repaired, rig_start_up),
      WITH(a_stop_is_found_by_the_probe, rig_start_up),
      WITH(a_restart_is_survived, rig_start_up),
      WITH(too_much_is_refused, rig_start_up),
      WITH(what_waits_is_told_at_the_end, rig_start_up),
      WITH(a_channel_that_is_forbidden_is_told, rig_start_up),
      WITH(nobody_there_is_said, rig_start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
