/* SPDX-License-Identifier: MIT
 * Letters of several threads: each arrives once, and in the order in which its
 * thread has posted it. */
#include "net/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { THREADS = 4, LETTERS = 2000 };

struct numbered_letter {
  struct list node;
  int thread, number;
};

struct post_office {
  struct mailbox mailbox;
  uv_loop_t loop;
  int next[THREADS]; /* the number that has to come */
  int received;
};

struct poster {
  struct post_office *office;
  struct numbered_letter letters[LETTERS];
  int thread;
};

static void on_numbered(struct mailbox *mailbox, struct list *node) {
  struct post_office *office =
      container_of(mailbox, struct post_office, mailbox);
  struct numbered_letter *letter =
      container_of(node, struct numbered_letter, node);
  assert_int_equal(letter->number, office->next[letter->thread]++);
  if (++office->received == THREADS * LETTERS)
    mailbox_close(mailbox);
}

static void post_all(void *arg) {
  struct poster *poster = arg;
  for (int i = 0; i < LETTERS; i++) {
    struct numbered_letter *letter = &poster->letters[i];
    letter->thread = poster->thread;
    letter->number = i;
    list_init(&letter->node);
    assert_true(mailbox_post_take(&poster->office->mailbox, &letter->node));
  }
}

static void test_threads(void **state) {
  (void)state;
  static struct post_office office;
  static struct poster posters[THREADS];
  uv_thread_t threads[THREADS];
  uv_loop_init(&office.loop);
  mailbox_init(&office.mailbox, &office.loop, on_numbered);
  for (int i = 0; i < THREADS; i++) {
    posters[i].office = &office;
    posters[i].thread = i;
    uv_thread_create(&threads[i], post_all, &posters[i]);
  }
  uv_run(&office.loop, UV_RUN_DEFAULT);
  for (int i = 0; i < THREADS; i++)
    uv_thread_join(&threads[i]);
  assert_int_equal(office.received, THREADS * LETTERS);
  mailbox_free(&office.mailbox);
  assert_int_equal(uv_loop_close(&office.loop), 0);
}

/* Who comes too late keeps his letter. */
static void test_closed(void **state) {
  (void)state;
  struct post_office office = {0};
  struct numbered_letter letter = {0};
  uv_loop_init(&office.loop);
  mailbox_init(&office.mailbox, &office.loop, on_numbered);
  list_init(&letter.node);
  mailbox_close(&office.mailbox);
  assert_false(mailbox_post_take(&office.mailbox, &letter.node));
  uv_run(&office.loop, UV_RUN_DEFAULT);
  mailbox_free(&office.mailbox);
  assert_int_equal(uv_loop_close(&office.loop), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_closed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
