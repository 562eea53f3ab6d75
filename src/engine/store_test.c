/* SPDX-License-Identifier: MIT
 * Tests of engine/store. The clock is an argument: nothing waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/store.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

enum { NOW = 1000000, ROOM = 1 << 20 };

static struct store_key name(const char *text) {
  return (struct store_key){text, strlen(text)};
}

static struct store_value text(const char *bytes) {
  return (struct store_value){
      .kind = STORE_BYTES, .bytes = bytes, .len = strlen(bytes)};
}

static struct store_value whole(int64_t n) {
  return (struct store_value){.kind = STORE_INTEGER, .integer = n};
}

static struct store_value real(double n) {
  return (struct store_value){.kind = STORE_FLOAT, .number = n};
}

static void set(struct store *store, const char *key, const char *value,
                uint64_t now, uint64_t ttl) {
  struct store_value bytes = text(value);
  store_set(store, name(key), &bytes, now, ttl);
}

/* What must be there; NULL: nothing. */
static void holds(struct store *store, const char *key, const char *value,
                  uint64_t now) {
  struct store_value got = {0};
  struct buf out = {0};
  buf_puts(&out, "kept");
  bool found = store_get(store, name(key), now, &got, &out);
  assert_int_equal(found, value != NULL);
  if (value) {
    assert_int_equal(got.kind, STORE_BYTES);
    assert_int_equal(got.len, strlen(value));
    assert_memory_equal(got.bytes, value, got.len);
    assert_memory_equal(out.data, "kept", 4);
  }
  buf_free(&out);
}

static int setup(void **state) {
  *state = store_new(ROOM);
  return 0;
}

static int teardown(void **state) {
  store_free(*state);
  return 0;
}

static void keeps_copies_until_they_are_replaced_or_deleted(void **state) {
  struct store *store = *state;
  char value[] = "one";
  holds(store, "a", NULL, NOW);
  set(store, "a", value, NOW, 0);
  value[0] = 'X';
  holds(store, "a", "one", NOW);
  set(store, "a", "another", NOW, 0);
  set(store, "b", "", NOW, 0);
  holds(store, "a", "another", NOW);
  holds(store, "b", "", NOW);
  assert_true(store_delete(store, name("a"), NOW));
  assert_false(store_delete(store, name("a"), NOW));
  holds(store, "a", NULL, NOW);
  store_delete(store, name("b"), NOW);
  struct store_stats stats = store_stats(store);
  assert_int_equal(stats.keys, 0);
  assert_int_equal(stats.bytes, 0);
  assert_int_equal(stats.hits, 3);
  assert_int_equal(stats.misses, 2);
}

static void keys_are_bytes(void **state) {
  struct store *store = *state;
  struct store_key zero = {"a\0b", 3}, other = {"a\0c", 3};
  struct store_value one = whole(1), two = whole(2), got;
  struct buf out = {0};
  store_set(store, zero, &one, NOW, 0);
  store_set(store, other, &two, NOW, 0);
  assert_true(store_get(store, zero, NOW, &got, &out));
  assert_int_equal(got.integer, 1);
  assert_true(store_get(store, other, NOW, &got, &out));
  assert_int_equal(got.integer, 2);
  holds(store, "a", NULL, NOW);
  buf_free(&out);
}

static void expires_when_its_time_is_over(void **state) {
  struct store *store = *state;
  set(store, "short", "x", NOW, 50);
  set(store, "ever", "y", NOW, 0);
  holds(store, "short", "x", NOW + 49);
  holds(store, "short", NULL, NOW + 50);
  holds(store, "ever", "y", NOW + 1000000000);
  set(store, "short", "x", NOW, 50);
  assert_false(store_delete(store, name("short"), NOW + 50));
  assert_int_equal(store_stats(store).expired, 2);
}

static void a_new_value_has_a_new_time(void **state) {
  struct store *store = *state;
  set(store, "a", "1", NOW, 50);
  set(store, "a", "2", NOW, 0);
  holds(store, "a", "2", NOW + 100);
  set(store, "a", "3", NOW, 50);
  holds(store, "a", NULL, NOW + 100);
}

static void the_expired_leave_though_nobody_asks_for_them(void **state) {
  struct store *store = *state;
  char key[32];
  for (int i = 0; i < 1000; i++) {
    snprintf(key, sizeof key, "k%d", i);
    set(store, key, "x", NOW, i % 2 ? 10 : 100000);
  }
  for (int i = 0; i < 1000 / 8 + 1; i++)
    set(store, "other", "x", NOW + 10, 0);
  assert_int_equal(store_stats(store).keys, 501);
  assert_int_equal(store_stats(store).expired, 500);
}

static void add_only_if_absent(void **state) {
  struct store *store = *state;
  struct store_value one = text("1"), two = text("2");
  assert_true(store_add(store, name("a"), &one, NOW, 50));
  assert_false(store_add(store, name("a"), &two, NOW + 49, 50));
  holds(store, "a", "1", NOW + 49);
  assert_true(store_add(store, name("a"), &two, NOW + 50, 50));
  holds(store, "a", "2", NOW + 99);
}

/* The sum; it must be counted. */
static struct store_value incr(struct store *store, const char *key,
                               struct store_value by, uint64_t now,
                               uint64_t ttl) {
  struct store_value sum = {0};
  assert_int_equal(store_incr(store, name(key), &by, now, ttl, &sum),
                   STORE_COUNTED);
  return sum;
}

static void incr_counts(void **state) {
  struct store *store = *state;
  assert_int_equal(incr(store, "n", whole(5), NOW, 0).integer, 5);
  assert_int_equal(incr(store, "n", whole(-7), NOW, 0).integer, -2);
  struct store_value sum = incr(store, "n", real(0.5), NOW, 0);
  assert_int_equal(sum.kind, STORE_FLOAT);
  assert_true(sum.number == -1.5);
  sum = incr(store, "n", whole(2), NOW, 0);
  assert_int_equal(sum.kind, STORE_FLOAT);
  assert_true(sum.number == 0.5);
}

static void incr_keeps_the_time_of_what_is_there(void **state) {
  struct store *store = *state;
  incr(store, "n", whole(1), NOW, 100);
  assert_int_equal(incr(store, "n", whole(1), NOW + 99, 100).integer, 2);
  assert_int_equal(incr(store, "n", whole(1), NOW + 100, 100).integer, 1);
}

static void incr_of_what_is_no_number_changes_nothing(void **state) {
  struct store *store = *state;
  struct store_value one = whole(1), sum = whole(77);
  set(store, "a", "1", NOW, 0);
  assert_int_equal(store_incr(store, name("a"), &one, NOW, 0, &sum),
                   STORE_NOT_A_NUMBER);
  assert_int_equal(sum.integer, 77);
  holds(store, "a", "1", NOW);
}

static void incr_does_not_wrap_around(void **state) {
  struct store *store = *state;
  struct store_value one = whole(1), minus = whole(-1), sum;
  incr(store, "top", whole(INT64_MAX), NOW, 0);
  incr(store, "bottom", whole(INT64_MIN), NOW, 0);
  assert_int_equal(store_incr(store, name("top"), &one, NOW, 0, &sum),
                   STORE_OVERFLOW);
  assert_int_equal(store_incr(store, name("bottom"), &minus, NOW, 0, &sum),
                   STORE_OVERFLOW);
  assert_true(incr(store, "top", whole(0), NOW, 0).integer == INT64_MAX);
  assert_true(incr(store, "bottom", whole(0), NOW, 0).integer == INT64_MIN);
}

static void the_least_recently_used_makes_room(void **state) {
  struct store *store = store_new(3 * (STORE_OVERHEAD + 2));
  (void)state;
  set(store, "a", "1", NOW, 0);
  set(store, "b", "2", NOW, 0);
  set(store, "c", "3", NOW, 0);
  holds(store, "a", "1", NOW); /* used: b is the oldest now */
  set(store, "d", "4", NOW, 0);
  holds(store, "b", NULL, NOW);
  set(store, "c", "5", NOW, 0); /* used: a is */
  set(store, "e", "6", NOW, 0);
  holds(store, "a", NULL, NOW);
  holds(store, "c", "5", NOW);
  holds(store, "d", "4", NOW);
  holds(store, "e", "6", NOW);
  assert_int_equal(store_stats(store).evicted, 2);
  store_free(store);
}

static void never_holds_more_than_its_limit(void **state) {
  struct store *store = *state;
  static const char block[5000];
  char key[32];
  for (int i = 0; i < 3000; i++) {
    struct store_value value = {
        .kind = STORE_BYTES, .bytes = block, .len = (size_t)(i * 7 % 5000)};
    snprintf(key, sizeof key, "k%d", i % 700);
    store_set(store, name(key), &value, NOW, i % 3 ? 0 : 1000);
    assert_in_range(store_stats(store).bytes, 0, ROOM);
  }
  assert_in_range(store_stats(store).bytes, ROOM - 6000, ROOM);
  for (int i = 0; i < 700; i++) {
    snprintf(key, sizeof key, "k%d", i);
    store_delete(store, name(key), NOW);
  }
  assert_int_equal(store_stats(store).bytes, 0);
}

static void what_is_larger_than_all_stays_alone(void **state) {
  struct store *store = store_new(10);
  (void)state;
  set(store, "a", "one", NOW, 0);
  holds(store, "a", "one", NOW);
  set(store, "b", "two", NOW, 0);
  holds(store, "a", NULL, NOW);
  holds(store, "b", "two", NOW);
  store_free(store);
}

/* The keys as one text, each with a blank behind it, and a plus if there may be
 * more. */
static size_t search_keys(struct store *store, struct store_search search,
                          uint64_t now, char *all) {
  struct buf out = {0};
  uint16_t len;
  bool more;
  size_t count = store_keys(store, &search, now, &out, &more);
  for (size_t at = 0; at < out.len; at += len) {
    memcpy(&len, out.data + at, sizeof len);
    at += sizeof len;
    all += sprintf(all, "%.*s ", len, out.data + at);
  }
  strcpy(all, more ? "+" : "");
  buf_free(&out);
  return count;
}

static size_t keys(struct store *store, const char *prefix, uint64_t now,
                   size_t max, char *all) {
  struct store_search search = {name(prefix), 100, max};
  return search_keys(store, search, now, all);
}

static void lists_keys_by_prefix(void **state) {
  struct store *store = *state;
  char all[100];
  assert_int_equal(keys(store, "", NOW, 10, all), 0);
  set(store, "a:1", "x", NOW, 0);
  set(store, "a:2", "x", NOW, 50);
  set(store, "a", "x", NOW, 0);
  set(store, "b:1", "x", NOW, 0);
  assert_int_equal(keys(store, "", NOW, 10, all), 4);
  assert_string_equal(all, "b:1 a a:2 a:1 ");
  assert_int_equal(keys(store, "a:", NOW, 10, all), 2);
  assert_string_equal(all, "a:2 a:1 ");
  assert_int_equal(keys(store, "a:", NOW + 50, 10, all), 1);
  assert_string_equal(all, "a:1 ");
  assert_int_equal(keys(store, "a:11", NOW, 10, all), 0);
  assert_int_equal(keys(store, "", NOW, 4, all), 4);
  assert_string_equal(all, "b:1 a a:2 a:1 ");
  assert_int_equal(keys(store, "", NOW, 2, all), 2);
  assert_string_equal(all, "b:1 a +");
}

static void looks_at_so_many_keys_only(void **state) {
  struct store *store = *state;
  char all[100];
  set(store, "a:1", "x", NOW, 0);
  set(store, "b:1", "x", NOW, 0);
  set(store, "b:2", "x", NOW, 50);
  set(store, "a:2", "x", NOW, 0);
  struct store_search search = {name("a:"), 4, 100};
  assert_int_equal(search_keys(store, search, NOW, all), 2);
  assert_string_equal(all, "a:2 a:1 ");
  search.looks = 3; /* expired ones count, too */
  assert_int_equal(search_keys(store, search, NOW + 50, all), 1);
  assert_string_equal(all, "a:2 +");
  search.looks = 0;
  assert_int_equal(search_keys(store, search, NOW, all), 0);
  assert_string_equal(all, "+");
}

enum { THREADS = 4, ROUNDS = 20000 };

static void hammer(void *arg) {
  struct store *store = arg;
  struct store_value by = whole(1), sum = {0}, got = {0};
  struct buf out = {0};
  char key[32];
  for (uint64_t i = 0; i < ROUNDS; i++) {
    (void)!store_incr(store, name("count"), &by, NOW, 0, &sum);
    snprintf(key, sizeof key, "k%d", (int)i % 100);
    struct store_value value = text(key);
    if (store_add(store, name(key), &value, NOW + i, 5))
      (void)!store_incr(store, name("added"), &by, NOW, 0, &sum);
    if (store_get(store, name(key), NOW + i, &got, &out))
      store_delete(store, name(key), NOW + i);
    out.len = 0;
  }
  buf_free(&out);
}

static void threads_lose_no_count(void **state) {
  struct store *store = *state;
  uv_thread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(uv_thread_create(&threads[i], hammer, store), 0);
  for (int i = 0; i < THREADS; i++)
    uv_thread_join(&threads[i]);
  struct store_value sum = incr(store, "count", whole(0), NOW, 0);
  assert_int_equal(sum.integer, THREADS * ROUNDS);
  sum = incr(store, "added", whole(0), NOW, 0);
  assert_in_range(sum.integer, 100, THREADS * ROUNDS);
}

/* However many try at once, one wins each key. */
static void race(void *arg) {
  struct store *store = arg;
  struct store_value value = text("mine"), by = whole(1), sum;
  char key[32];
  for (int i = 0; i < 1000; i++) {
    snprintf(key, sizeof key, "lock%d", i);
    if (store_add(store, name(key), &value, NOW, 0))
      (void)!store_incr(store, name("won"), &by, NOW, 0, &sum);
  }
}

static void one_thread_wins_an_add(void **state) {
  struct store *store = *state;
  uv_thread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(uv_thread_create(&threads[i], race, store), 0);
  for (int i = 0; i < THREADS; i++)
    uv_thread_join(&threads[i]);
  assert_int_equal(incr(store, "won", whole(0), NOW, 0).integer, 1000);
}

static uint64_t version(struct store *store, const char *key, uint64_t now) {
  struct store_value got = {0};
  struct buf out = {0};
  (void)store_get(store, name(key), now, &got, &out);
  buf_free(&out);
  return got.version;
}

static void swaps_only_what_was_seen(void **state) {
  struct store *store = *state;
  struct store_value mine = text("mine"), other = text("other");
  uint64_t seen;
  assert_true(store_swap(store, name("a"), 0, &mine, NOW, 0));
  assert_false(store_swap(store, name("a"), 0, &other, NOW, 0));
  holds(store, "a", "mine", NOW);
  seen = version(store, "a", NOW);
  set(store, "a", "mine", NOW, 0); /* the same value is another write */
  assert_false(store_swap(store, name("a"), seen, &other, NOW, 0));
  assert_false(store_swap(store, name("a"), seen, NULL, NOW, 0));
  holds(store, "a", "mine", NOW);
  seen = version(store, "a", NOW);
  assert_true(store_swap(store, name("a"), seen, NULL, NOW, 0));
  holds(store, "a", NULL, NOW);
  set(store, "a", "again", NOW, 0);
  assert_false(store_swap(store, name("a"), seen, &mine, NOW, 0));
  incr(store, "n", whole(1), NOW, 0);
  seen = version(store, "n", NOW);
  incr(store, "n", whole(1), NOW, 0);
  assert_false(store_swap(store, name("n"), seen, &mine, NOW, 0));
}

static void a_swap_keeps_the_time_unless_it_has_one(void **state) {
  struct store *store = *state;
  struct store_value value = text("b");
  set(store, "kept", "a", NOW, 100);
  set(store, "new", "a", NOW, 100);
  assert_true(store_swap(store, name("kept"), version(store, "kept", NOW),
                         &value, NOW + 40, 0));
  assert_true(store_swap(store, name("new"), version(store, "new", NOW), &value,
                         NOW + 40, 100));
  holds(store, "kept", "b", NOW + 99);
  holds(store, "new", "b", NOW + 139);
  uint64_t expired = version(store, "kept", NOW + 99);
  assert_false(store_swap(store, name("kept"), expired, &value, NOW + 100, 0));
  holds(store, "kept", NULL, NOW + 100);
  holds(store, "new", NULL, NOW + 140);
}

/* Reads, computes, and writes if nobody was faster. */
static void compete(void *arg) {
  struct store *store = arg;
  for (int i = 0; i < 1000; i++) {
    struct store_value got;
    struct buf out = {0};
    bool done = false;
    while (!done) {
      got = whole(0);
      (void)store_get(store, name("sum"), NOW, &got, &out);
      uint64_t seen = got.version;
      got = whole(got.integer + 1);
      done = store_swap(store, name("sum"), seen, &got, NOW, 0);
    }
    buf_free(&out);
  }
}

static void threads_lose_no_swap(void **state) {
  struct store *store = *state;
  uv_thread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(uv_thread_create(&threads[i], compete, store), 0);
  for (int i = 0; i < THREADS; i++)
    uv_thread_join(&threads[i]);
  assert_int_equal(incr(store, "sum", whole(0), NOW, 0).integer,
                   THREADS * 1000);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(keeps_copies_until_they_are_replaced_or_deleted),
      TEST(keys_are_bytes),
      TEST(expires_when_its_time_is_over),
      TEST(a_new_value_has_a_new_time),
      TEST(the_expired_leave_though_nobody_asks_for_them),
      TEST(add_only_if_absent),
      TEST(incr_counts),
      TEST(incr_keeps_the_time_of_what_is_there),
      TEST(incr_of_what_is_no_number_changes_nothing),
      TEST(incr_does_not_wrap_around),
      TEST(the_least_recently_used_makes_room),
      TEST(never_holds_more_than_its_limit),
      TEST(what_is_larger_than_all_stays_alone),
      TEST(lists_keys_by_prefix),
      TEST(looks_at_so_many_keys_only),
      TEST(threads_lose_no_count),
      TEST(one_thread_wins_an_add),
      TEST(swaps_only_what_was_seen),
      TEST(a_swap_keeps_the_time_unless_it_has_one),
      TEST(threads_lose_no_swap),
  };
#undef TEST
  return cmocka_run_group_tests(tests, NULL, NULL);
}
