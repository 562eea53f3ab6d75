/* SPDX-License-Identifier: MIT
 * A link against real servers that are refused, reset, stopped and killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "redis/real_test.h"

#include "base/err.h"

#include <netinet/in.h>

enum { LOGGED = 64 };

/* A link with what it has told. */
struct rig {
  uv_loop_t loop;
  struct real real;
  struct link *link;
  char url[256];
  int ups, downs, subscribed, messages, answered, not_sent, unknown;
  bool mixed; /* an answer came out of turn */
  char why[512], payload[256], error[256];
  struct link_options options;
};

static void on_up(void *arg) {
  ((struct rig *)arg)->ups++;
}

static void on_down(void *arg, const char *why) {
  struct rig *rig = arg;
  rig->downs++;
  snprintf(rig->why, sizeof rig->why, "%s", why);
}

static void on_subscribed(void *arg, void *channel_arg) {
  (void)channel_arg;
  ((struct rig *)arg)->subscribed++;
}

static void on_message(void *arg, void *channel_arg, struct slice payload) {
  struct rig *rig = arg;
  (void)channel_arg;
  rig->messages++;
  snprintf(rig->payload, sizeof rig->payload, "%.*s", (int)payload.len,
           payload.at);
}

static const struct link_events rig_events = {.up = on_up,
                                              .down = on_down,
                                              .subscribed = on_subscribed,
                                              .message = on_message};

static void on_reply(void *arg, enum link_fate fate,
                     const struct reply *reply) {
  struct rig *rig = arg;
  rig->answered += fate == LINK_ANSWERED;
  rig->not_sent += fate == LINK_NOT_SENT;
  rig->unknown += fate == LINK_UNKNOWN;
  if (reply && reply->kind == REPLY_ERROR)
    snprintf(rig->error, sizeof rig->error, "%s", reply->text);
}

static void on_guard(uv_timer_t *timer) {
  *(bool *)timer->data = true;
}

/* Turns the loop until it is so; half a minute is for ever. */
#define UNTIL(rig, condition)                                                  \
  do {                                                                         \
    bool over = false;                                                         \
    uv_timer_t guard;                                                          \
    uv_timer_init(&(rig)->loop, &guard);                                       \
    guard.data = &over;                                                        \
    uv_timer_start(&guard, on_guard, 30000, 0);                                \
    while (!(condition) && !over)                                              \
      uv_run(&(rig)->loop, UV_RUN_ONCE);                                       \
    uv_close((uv_handle_t *)&guard, NULL);                                     \
    uv_run(&(rig)->loop, UV_RUN_NOWAIT);                                       \
    if (!(condition))                                                          \
      fail_msg("never: %s (%s)", #condition,                                   \
               (rig)->link ? link_status((rig)->link).why : "");               \
  } while (0)

static void rig_link(struct rig *rig) {
  struct buf why = {0};
  rig->options.url = rig->url;
  rig->options.name = "test";
  rig->options.events = &rig_events;
  rig->options.arg = rig;
  if (!rig->options.probe_ms)
    rig->options.probe_ms = 100;
  rig->link = link_new(&rig->loop, &rig->options, &why);
  if (!rig->link)
    fail_msg("%.*s", (int)why.len, why.data);
  buf_free(&why);
}

static void rig_url(struct rig *rig, int port) {
  snprintf(rig->url, sizeof rig->url, "redis://127.0.0.1:%d", port);
}

static int rig_start(void **state) {
  struct rig *rig = calloc(1, sizeof *rig);
  log_setup(getenv("DEBUG") ? LOG_DEBUG : LOG_ERROR, LOG_TEXT);
  uv_loop_init(&rig->loop);
  *state = rig;
  return 0;
}

static int rig_stop(void **state) {
  struct rig *rig = *state;
  link_close(rig->link);
  uv_run(&rig->loop, UV_RUN_DEFAULT);
  link_free(rig->link);
  assert_int_equal(uv_loop_close(&rig->loop), 0);
  if (rig->real.folder[0])
    real_end(&rig->real);
  free(rig);
  return 0;
}

/* With a server, and up. */
static int rig_start_up(void **state) {
  rig_start(state);
  struct rig *rig = *state;
  real_start(&rig->real, NULL);
  rig_url(rig, rig->real.port);
  rig_link(rig);
  UNTIL(rig, rig->ups == 1);
  return 0;
}

static int say(struct rig *rig, const char *text) {
  struct slice words[16];
  size_t count = 0;
  for (; *text; text += *text == ' ') {
    size_t len = strcspn(text, " ");
    words[count++] = (struct slice){text, len};
    text += len;
  }
  return link_command(rig->link, words, count, on_reply, rig);
}

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
  channel = link_subscribe(rig->link, word("c"), NULL);
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
    UNTIL(rig, rig->ups == ups + 1);
    ups++;
    UNTIL(rig, rig->subscribed == ups);
    assert_int_equal(rig->downs, ups - 1);
  }
  assert_int_equal(say(rig, "PUBLISH c on"), 0);
  UNTIL(rig, rig->messages == 1);
}

static void a_stop_is_found_by_the_probe(void **state) {
  struct rig *rig = *state;
  real_kill(&rig->real, SIGSTOP);
  assert_int_equal(say(rig, "INCR n"), 0);
  UNTIL(rig, rig->downs == 1);
  assert_non_null(strstr(rig->why, "did not come back"));
  assert_int_equal(rig->unknown, 1);
  assert_int_equal(say(rig, "INCR n"), ERR_CLOSED);
  real_kill(&rig->real, SIGCONT);
  UNTIL(rig, rig->ups == 2);
}

static void a_restart_is_survived(void **state) {
  struct rig *rig = *state;
  real_kill(&rig->real, SIGKILL);
  UNTIL(rig, rig->downs == 1);
  UNTIL(rig, strstr(link_status(rig->link).why, "refused"));
  real_start(&rig->real, NULL);
  UNTIL(rig, rig->ups == 2);
}

static void too_much_is_refused(void **state) {
  struct rig *rig = *state;
  link_close(rig->link);
  uv_run(&rig->loop, UV_RUN_DEFAULT);
  link_free(rig->link);
  rig->options.max_commands = 10;
  rig_link(rig);
  UNTIL(rig, rig->ups == 2);
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
      WITH(nobody_there_is_said, rig_start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
