/* SPDX-License-Identifier: MIT
 * A master, a replica, three Sentinels, and a link that follows the master. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "redis/rig_test.h"

enum { SENTINELS = 3 };

struct set {
  struct real servers[2], sentinels[SENTINELS];
};

static struct set set;

static void start_sentinel(struct real *sentinel, int master) {
  char config[512];
  real_make(sentinel);
  snprintf(config, sizeof config,
           "sentinel monitor mymaster 127.0.0.1 %d 2\n"
           "sentinel down-after-milliseconds mymaster 500\n"
           "sentinel failover-timeout mymaster 2000\n",
           master);
  real_run(sentinel, config, "--sentinel");
}

/* How many of something a server names: the integer behind `field`. */
static int number_of(struct real *real, const char *command,
                     const char *field) {
  redisReply *reply = real_ask(real->port, NULL, command);
  int number = -1;
  for (size_t i = 0;
       reply && reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements;
       i += 2)
    if (strcmp(reply->element[i]->str, field) == 0)
      number = atoi(reply->element[i + 1]->str);
  freeReplyObject(reply);
  return number;
}

static void wait_for_set(void) {
  for (int i = 0; i < 1500; i++) {
    int good = 0;
    for (int at = 0; at < SENTINELS; at++)
      good += number_of(&set.sentinels[at], "SENTINEL MASTER mymaster",
                        "num-other-sentinels") == SENTINELS - 1 &&
              number_of(&set.sentinels[at], "SENTINEL MASTER mymaster",
                        "num-slaves") == 1;
    if (good == SENTINELS)
      return;
    usleep(20000);
  }
  fail_msg("the Sentinels do not find each other");
}

static int start_set(void **state) {
  char text[80];
  rig_start(state);
  struct rig *rig = *state;
  set = (struct set){0};
  real_start(&set.servers[0], NULL);
  snprintf(text, sizeof text, "replicaof 127.0.0.1 %d\n", set.servers[0].port);
  real_start(&set.servers[1], text);
  for (int i = 0; i < SENTINELS; i++)
    start_sentinel(&set.sentinels[i], set.servers[0].port);
  snprintf(rig->url, sizeof rig->url,
           "redis+sentinel://127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/mymaster",
           set.sentinels[0].port, set.sentinels[1].port, set.sentinels[2].port);
  rig->options.timeout_ms = 1000;
  rig_link(rig);
  UNTIL(rig, rig->ups == 1);
  assert_non_null(link_subscribe(rig->link, word("c"), NULL));
  UNTIL(rig, rig->subscribed == 1);
  return 0;
}

static int stop_set(void **state) {
  rig_stop(state);
  for (int i = 0; i < SENTINELS; i++)
    real_end(&set.sentinels[i]);
  real_end(&set.servers[0]);
  real_end(&set.servers[1]);
  return 0;
}

static bool is_at(struct rig *rig, const struct real *real) {
  char server[32];
  snprintf(server, sizeof server, "127.0.0.1:%d", real->port);
  return strcmp(link_status(rig->link).server, server) == 0;
}

static void assert_serves(struct rig *rig) {
  int messages = rig->messages;
  UNTIL(rig, link_is_up(rig->link) && rig->subscribed == 1);
  assert_int_equal(say(rig, "PUBLISH c x"), 0);
  UNTIL(rig, rig->messages == messages + 1);
}

static void a_dead_master_is_left(void **state) {
  struct rig *rig = *state;
  wait_for_set();
  assert_true(is_at(rig, &set.servers[0]));
  assert_serves(rig);
  real_kill(&set.sentinels[0], SIGSTOP); /* one may be silent */
  real_kill(&set.servers[0], SIGKILL);
  UNTIL(rig, rig->ups >= 2);
  assert_true(is_at(rig, &set.servers[1]));
  assert_serves(rig);
}

/* The old master lives: only the Sentinels know better. */
static void another_master_is_noticed(void **state) {
  struct rig *rig = *state;
  wait_for_set();
  real_say(&set.sentinels[1], "SENTINEL FAILOVER mymaster");
  UNTIL(rig, link_is_up(rig->link) && is_at(rig, &set.servers[1]));
  assert_serves(rig);
}

static void nobody_knows_is_said(void **state) {
  struct rig *rig = *state;
  for (int i = 0; i < SENTINELS; i++)
    real_kill(&set.sentinels[i], SIGKILL);
  link_renew(rig->link, "for a test");
  UNTIL(rig, rig->downs >= 1);
  assert_string_equal(rig->why, "for a test");
  UNTIL(rig, strstr(link_status(rig->link).why, "Sentinel 127.0.0.1"));
}

int main(void) {
#define TEST(test) cmocka_unit_test_setup_teardown(test, start_set, stop_set)
  const struct CMUnitTest tests[] = {
      TEST(a_dead_master_is_left),
      TEST(another_master_is_noticed),
      TEST(nobody_knows_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
