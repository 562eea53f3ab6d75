/* SPDX-License-Identifier: MIT
 * Tests of events/outbox_file: what is there after a commit, and after the end
 * of a process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "events/outbox_file.h"
#include "events/visit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/outbox-XXXXXX";
static char path[64];

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(folder))
    return -1;
  snprintf(path, sizeof path, "%s/events.db", folder);
  return 0;
}

static int remove_file(void **state) {
  char name[80];
  static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
    snprintf(name, sizeof name, "%s%s", path, ends[i]);
    unlink(name);
  }
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  return rmdir(folder);
}

static struct outbox *open_outbox(void) {
  struct outbox_file_options options = {.path = path, .dead_bytes = 1000};
  struct buf error = {0};
  struct outbox *outbox = outbox_file_open(&options, &error);
  buf_free(&error);
  return outbox;
}

static void write_one(struct outbox *outbox, const struct outbox_work *like) {
  struct list works;
  struct buf error = {0};
  struct outbox_work *work = outbox_work_new(like);
  list_init(&works);
  list_push(&works, &work->node);
  assert_int_equal(outbox->calls->write(outbox, &works, &error), 0);
  mem_free(work);
}

static void put(struct outbox *outbox, const char *lane, const char *body) {
  struct outbox_work work = {
      .what = OUTBOX_PUT, .at_ms = 5, .lane = lane, .body = body};
  write_one(outbox, &work);
}

static void note_item(void *arg, const struct outbox_item *item) {
  struct buf *out = arg;
  buf_printf(out, "%d %s %s;", (int)item->pos, item->lane, item->body);
}

/* What waits, as a text. */
static const char *waiting(struct outbox *outbox, struct buf *out) {
  struct buf error = {0};
  buf_reset(out, 0);
  assert_int_equal(outbox->calls->read(outbox, 0, 100, note_item, out, &error),
                   0);
  buf_putc(out, 0);
  return out->data;
}

static void events_wait_in_order_until_they_are_taken(void **state) {
  struct outbox *outbox = open_outbox();
  struct buf out = {0}, error = {0};
  struct outbox_state now = {0};
  (void)state;
  put(outbox, "alice", "{\"id\":\"a\"}");
  put(outbox, "bob", "{\"id\":\"b\"}");
  assert_string_equal(waiting(outbox, &out),
                      "1 alice {\"id\":\"a\"};2 bob {\"id\":\"b\"};");
  write_one(outbox, &(struct outbox_work){.what = OUTBOX_TAKE, .pos = 1});
  outbox->calls->free(outbox);
  outbox = open_outbox();
  assert_string_equal(waiting(outbox, &out), "2 bob {\"id\":\"b\"};");
  assert_false(outbox->calls->has(outbox, 1));
  assert_true(outbox->calls->has(outbox, 2));
  assert_int_equal(outbox->calls->state(outbox, true, &now, &error), 0);
  assert_int_equal(now.waiting, 1);
  assert_int_equal(now.oldest_ms, 5);
  write_one(outbox, &(struct outbox_work){.what = OUTBOX_TAKE, .pos = 2});
  put(outbox, "bob", "{\"id\":\"c\"}"); /* no position comes again */
  assert_string_equal(waiting(outbox, &out), "3 bob {\"id\":\"c\"};");
  outbox->calls->free(outbox);
  buf_free(&out);
}

static void one_server_has_it(void **state) {
  struct outbox *outbox = open_outbox();
  (void)state;
  assert_non_null(outbox);
  assert_null(open_outbox());
  outbox->calls->free(outbox);
}

static void what_stands_is_told_to_have_ended(void **state) {
  struct outbox *outbox = open_outbox();
  struct buf out = {0}, error = {0};
  char *types[] = {"*", NULL};
  unsigned count;
  (void)state;
  struct outbox_work online = {.what = OUTBOX_PUT,
                               .at_ms = 5,
                               .stand = EVENT_USER,
                               .begins = true,
                               .lane = "alice",
                               .body = "{}",
                               .key = "alice",
                               .data = "{}"};
  write_one(outbox, &online);
  online.key = online.lane = "bob";
  online.silent = true;
  write_one(outbox, &online);
  online.begins = false;
  write_one(outbox, &online);
  outbox->calls->free(outbox);
  outbox = open_outbox();
  assert_int_equal(
      outbox->calls->recover(outbox, types, "x", 7, &count, &error), 0);
  assert_int_equal(count, 1);
  assert_string_equal(
      waiting(outbox, &out),
      "1 alice {};2 alice {\"id\":\"x-1\",\"at\":7,\"type\":\"user.offline\","
      "\"user\":\"alice\",\"data\":{\"lost\":true}};");
  assert_int_equal(
      outbox->calls->recover(outbox, types, "y", 8, &count, &error), 0);
  assert_int_equal(count, 0);
  outbox->calls->free(outbox);
  buf_free(&out);
}

static void count_event(void *arg, const struct visit_event *event) {
  int *count = arg;
  assert_int_equal(event->status, 422);
  (*count)++;
}

static void dead_letters_are_bounded_and_come_again(void **state) {
  struct outbox *outbox = open_outbox();
  struct buf error = {0}, out = {0};
  struct visit_which all = {.dead = true, .limit = -1};
  int64_t replayed = 0;
  int dead = 0;
  (void)state;
  for (int i = 1; i <= 100; i++) {
    put(outbox, "", "{\"id\":\"some id\",\"data\":null}");
    struct outbox_work bury = {
        .what = OUTBOX_BURY, .pos = i, .status = 422, .body = "no"};
    write_one(outbox, &bury);
  }
  assert_string_equal(waiting(outbox, &out), "");
  struct visit *visit = visit_open(path, &error);
  assert_non_null(visit);
  assert_int_equal(visit_each(visit, &all, count_event, &dead, &error), 0);
  assert_true(dead > 10 && dead <= 1000 / 30);
  assert_false(outbox->calls->changed(outbox));
  assert_int_equal(visit_replay(visit, &all, &replayed, &error), 0);
  assert_int_equal(replayed, dead);
  assert_true(outbox->calls->changed(outbox));
  assert_false(outbox->calls->changed(outbox));
  assert_true(outbox->calls->has(outbox, 101));
  all.dead = false;
  assert_int_equal(visit_drop(visit, &all, &replayed, &error), 0);
  assert_int_equal(replayed, dead);
  assert_false(outbox->calls->has(outbox, 101));
  visit_close(visit);
  outbox->calls->free(outbox);
  buf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(events_wait_in_order_until_they_are_taken,
                                remove_file),
      cmocka_unit_test_teardown(one_server_has_it, remove_file),
      cmocka_unit_test_teardown(what_stands_is_told_to_have_ended, remove_file),
      cmocka_unit_test_teardown(dead_letters_are_bounded_and_come_again,
                                remove_file),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
