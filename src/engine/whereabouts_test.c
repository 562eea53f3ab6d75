/* SPDX-License-Identifier: MIT
 * Tests of engine/whereabouts: who is told when users come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/whereabouts.h"

#include <string.h>

enum { WORKERS = 4 };

struct heard {
  char text[256]; /* "+alice -alice …" */
  int worker;     /* who was told last */
};

static void hear(void *arg, int worker, const char *user, bool online) {
  struct heard *heard = arg;
  strcat(heard->text, online ? " +" : " -");
  strcat(heard->text, user);
  heard->worker = worker;
}

static struct whereabouts *start(struct heard *heard) {
  struct whereabouts *whereabouts = whereabouts_new(WORKERS);
  *heard = (struct heard){.worker = -1};
  whereabouts_watch(whereabouts, hear, heard);
  return whereabouts;
}

static int log_in(struct whereabouts *whereabouts, const char *user,
                  uint64_t id, uint32_t per_user) {
  struct whereabouts_conn conn = {.id = id,
                                  .worker = (int)(id % WORKERS),
                                  .user = user,
                                  .address = "127.0.0.1"};
  return whereabouts_login(whereabouts, &conn, per_user);
}

static void nobody_listens_nobody_is_told(void **state) {
  struct heard heard;
  struct whereabouts *whereabouts = start(&heard);
  (void)state;
  assert_int_equal(log_in(whereabouts, "alice", 1, 0), 0);
  whereabouts_logout(whereabouts, "alice", 1);
  assert_string_equal(heard.text, "");
  whereabouts_free(whereabouts);
}

static void the_first_and_the_last_are_told(void **state) {
  struct heard heard;
  struct whereabouts *whereabouts = start(&heard);
  (void)state;
  whereabouts_listen(whereabouts, 2, true);
  assert_int_equal(log_in(whereabouts, "alice", 1, 2), 0);
  assert_int_equal(log_in(whereabouts, "alice", 2, 2), 0);
  assert_int_not_equal(log_in(whereabouts, "alice", 3, 2), 0);
  whereabouts_logout(whereabouts, "alice", 1);
  whereabouts_logout(whereabouts, "alice", 3); /* it never was in */
  whereabouts_logout(whereabouts, "alice", 2);
  assert_string_equal(heard.text, " +alice -alice");
  assert_int_equal(heard.worker, 2);
  whereabouts_free(whereabouts);
}

static void one_worker_hears_all_about_a_user(void **state) {
  struct heard heard;
  struct whereabouts *whereabouts = start(&heard);
  (void)state;
  for (int i = 0; i < WORKERS; i++)
    whereabouts_listen(whereabouts, i, true);
  assert_int_equal(log_in(whereabouts, "alice", 1, 0), 0);
  int worker = heard.worker;
  whereabouts_logout(whereabouts, "alice", 1);
  assert_int_equal(heard.worker, worker);
  /* One that listens no more is told nothing. */
  whereabouts_listen(whereabouts, worker, false);
  whereabouts_listen(whereabouts, worker, false);
  assert_int_equal(log_in(whereabouts, "alice", 2, 0), 0);
  assert_int_equal(heard.worker, (worker + 1) % WORKERS);
  for (int i = 0; i < WORKERS; i++)
    whereabouts_listen(whereabouts, i, false);
  whereabouts_logout(whereabouts, "alice", 2);
  assert_string_equal(heard.text, " +alice -alice +alice");
  whereabouts_free(whereabouts);
}

static void note_conn(void *arg, const struct whereabouts_conn *conn) {
  char *text = arg;
  strcat(text, conn->address);
  strcat(text, conn->away ? " away " : " there ");
  strcat(text, conn->claims ? conn->claims : "-");
}

static void a_connection_is_as_it_was_changed(void **state) {
  struct heard heard;
  struct whereabouts *whereabouts = start(&heard);
  struct whereabouts_conn now = {.id = 1,
                                 .user = "alice",
                                 .address = "192.0.2.1",
                                 .claims = "{}",
                                 .away = true};
  char text[128] = "";
  (void)state;
  whereabouts_change(whereabouts, &now); /* nobody is there */
  assert_false(whereabouts_is_away(whereabouts, "alice", 5, 1));
  assert_int_equal(log_in(whereabouts, "alice", 1, 0), 0);
  whereabouts_change(whereabouts, &now);
  assert_true(whereabouts_is_away(whereabouts, "alice", 5, 1));
  now.away = false;
  now.claims = NULL;
  whereabouts_each_conn(whereabouts, "alice", 5, note_conn, text);
  whereabouts_change(whereabouts, &now);
  whereabouts_each_conn(whereabouts, "alice", 5, note_conn, text);
  assert_string_equal(text, "192.0.2.1 away {}192.0.2.1 there -");
  whereabouts_logout(whereabouts, "alice", 1);
  whereabouts_free(whereabouts);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nobody_listens_nobody_is_told),
      cmocka_unit_test(the_first_and_the_last_are_told),
      cmocka_unit_test(one_worker_hears_all_about_a_user),
      cmocka_unit_test(a_connection_is_as_it_was_changed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
