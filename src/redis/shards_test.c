/* SPDX-License-Identifier: MIT
 * Which name is on which Redis; and what errors of Redis mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "redis/rig_test.h"
#include "redis/shards.h"

enum { NAMES = 10000 };

static size_t place_of(int number, size_t count) {
  char name[32];
  int len = snprintf(name, sizeof name, "room-%d", number);
  return shards_place(name, (size_t)len, count);
}

static void names_are_spread(void **state) {
  int counts[5] = {0};
  (void)state;
  for (int i = 0; i < NAMES; i++)
    counts[place_of(i, 5)]++;
  for (int i = 0; i < 5; i++)
    assert_in_range(counts[i], NAMES / 5 * 9 / 10, NAMES / 5 * 11 / 10);
}

/* One more takes its share; nothing else moves. */
static void names_stay_when_one_is_added(void **state) {
  int moved = 0;
  (void)state;
  for (int i = 0; i < NAMES; i++) {
    size_t before = place_of(i, 4), after = place_of(i, 5);
    if (before != after)
      assert_int_equal(after, 4);
    moved += before != after;
  }
  assert_in_range(moved, NAMES / 5 * 9 / 10, NAMES / 5 * 11 / 10);
}

/* Machines of other versions, and Redis itself, know names by these. */
static void tags_never_change(void **state) {
  char tag[SHARDS_TAG_BYTES];
  (void)state;
  shards_tag("chat:1", 6, tag);
  assert_string_equal(tag, "{852270b6e7d4bccf}");
  shards_tag("}x", 2, tag);
  assert_int_equal(strlen(tag), 18);
  assert_int_equal(shards_place("chat:1", 6, 1), 0);
  assert_int_equal(place_of(1, 3), 1);
  assert_int_equal(place_of(2, 3), 0);
}

static void errors_are_told_apart(void **state) {
  static const struct {
    const char *text;
    enum reply_error error;
  } errors[] = {
      {"OOM command not allowed when used memory > 'maxmemory'.", REPLY_OOM},
      {"OOMS", REPLY_OTHER},
      {"MOVED 3999 127.0.0.1:6381", REPLY_MOVED},
      {"CLUSTERDOWN Hash slot not served", REPLY_CLUSTERDOWN},
      {"NOREPLICAS Not enough good replicas to write.", REPLY_NOREPLICAS},
      {"ERR Error running script (call to f_1): @user_script:1: -OOM command "
       "not allowed",
       REPLY_OOM},
      {"ERR unknown command", REPLY_OTHER},
      {"", REPLY_OTHER},
  };
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
    struct redisReply answer = {.type = REDIS_REPLY_ERROR,
                                .str = (char *)errors[i].text,
                                .len = strlen(errors[i].text)};
    struct reply reply = reply_view(&answer);
    assert_int_equal(reply_error(&reply), errors[i].error);
  }
  struct reply none = reply_view(NULL);
  assert_int_equal(none.kind, REPLY_NIL);
  assert_int_equal(reply_error(&none), REPLY_NO_ERROR);
  assert_int_equal(reply_at(&none, 3).kind, REPLY_NIL);
}

static void on_places_down(void *arg) {
  ((struct rig *)arg)->downs++;
}

static const struct shards_events test_events = {.up = on_up,
                                                 .down = on_places_down,
                                                 .subscribed = on_subscribed,
                                                 .message = on_message};

static void each_shard_has_a_link(void **state) {
  struct rig *rig = *state;
  struct real other = {0};
  struct buf why = {0};
  char urls[200];
  struct shards_options options = {.urls = "redis://a,rediss:/",
                                   .link = {.name = "test", .probe_ms = 250},
                                   .events = &test_events,
                                   .arg = rig};
  assert_null(shards_new(&rig->loop, &options, &why));
  assert_true(why.len > 0);
  buf_free(&why);
  real_start(&rig->real, NULL);
  real_start(&other, NULL);
  snprintf(urls, sizeof urls, "redis://127.0.0.1:%d,unix://%s", rig->real.port,
           other.path);
  options.urls = urls;
  struct shards *shards = shards_new(&rig->loop, &options, &why);
  assert_int_equal(shards_count(shards), 2);
  assert_false(shards_is_there(shards, 1));
  UNTIL(rig, shards_are_whole(shards));
  assert_true(shards_is_there(shards, 1));
  assert_int_equal(shards_find(shards, "a", 1), shards_place("a", 1, 2));
  real_kill(&other, SIGKILL);
  UNTIL(rig, !shards_is_there(shards, 1));
  assert_true(shards_is_there(shards, 0));
  assert_false(shards_are_whole(shards));
  assert_true(rig->downs >= 1);
  shards_close(shards);
  uv_run(&rig->loop, UV_RUN_DEFAULT);
  shards_free(shards);
  real_end(&other);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_spread),
      cmocka_unit_test(names_stay_when_one_is_added),
      cmocka_unit_test(tags_never_change),
      cmocka_unit_test(errors_are_told_apart),
      cmocka_unit_test_setup_teardown(each_shard_has_a_link, rig_start,
                                      rig_stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
