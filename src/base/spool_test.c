/* SPDX-License-Identifier: MIT
 * Tests of base/spool: who puts a line never waits for who reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/spool.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES = 40000, LINE_BYTES = 64, TOO_LONG_S = 60 };

static int ends[2];

static int setup(void **state) {
  (void)state;
  alarm(TOO_LONG_S); /* ends a test that waits for ever */
  return pipe2(ends, O_CLOEXEC);
}

static int teardown(void **state) {
  (void)state;
  alarm(0);
  spool_stop(0);
  return close(ends[0]);
}

static size_t note(char out[SPOOL_NOTE_BYTES], uint64_t lost) {
  return (size_t)snprintf(out, SPOOL_NOTE_BYTES, "lost %llu\n",
                          (unsigned long long)lost);
}

static void put(unsigned number) {
  char line[LINE_BYTES + 1];
  int len = snprintf(line, sizeof line, "%-*u\n", LINE_BYTES - 1, number);
  spool_put(ends[1], line, (size_t)len);
}

/* Checks that the lines come in order, and that those that are missing are
 * told where they are missing. Ends with the pipe; returns how many came. */
static unsigned read_lines(void) {
  char line[SPOOL_NOTE_BYTES];
  unsigned next = 0, came = 0, lost;
  FILE *in = fdopen(dup(ends[0]), "r");
  assert_non_null(in);
  while (fgets(line, sizeof line, in)) {
    if (sscanf(line, "lost %u", &lost) == 1) {
      next += lost;
    } else {
      assert_int_equal(strtoul(line, NULL, 10), next);
      next++;
      came++;
    }
  }
  fclose(in);
  assert_int_equal(next, LINES);
  return came;
}

static void *read_to_the_end(void *came) {
  *(unsigned *)came = read_lines();
  return NULL;
}

static void lines_are_written_in_order(void **state) {
  unsigned came = 0;
  pthread_t reader;
  (void)state;
  uint64_t before = spool_lost();
  pthread_create(&reader, NULL, read_to_the_end, &came);
  spool_start(ends[1], note);
  for (unsigned i = 0; i < LINES; i++)
    put(i);
  spool_stop(TOO_LONG_S * 1000);
  close(ends[1]);
  pthread_join(reader, NULL);
  assert_int_equal(came + spool_lost() - before, LINES);
}

/* The pipe is full long before the ring is. */
static void without_a_reader_lines_are_counted(void **state) {
  unsigned came = 0;
  pthread_t reader;
  (void)state;
  uint64_t before = spool_lost();
  spool_start(ends[1], note);
  for (unsigned i = 0; i < LINES; i++)
    put(i); /* would wait for ever */
  assert_true(spool_lost() - before > LINES / 4);
  assert_true(spool_waiting() > SPOOL_BYTES / 2);
  pthread_create(&reader, NULL, read_to_the_end, &came);
  spool_stop(TOO_LONG_S * 1000);
  close(ends[1]);
  pthread_join(reader, NULL);
  assert_int_equal(came + spool_lost() - before, LINES);
}

static void flushing_leaves_nothing_behind(void **state) {
  char text[LINE_BYTES + 1] = "";
  (void)state;
  spool_start(ends[1], note);
  put(7);
  spool_flush(TOO_LONG_S * 1000);
  assert_int_equal(spool_waiting(), 0);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  assert_int_equal(read(ends[0], text, LINE_BYTES), LINE_BYTES);
  assert_int_equal(strtoul(text, NULL, 10), 7);
  spool_stop(0);
  close(ends[1]);
}

static void without_the_thread_it_writes_at_once(void **state) {
  char text[2 * LINE_BYTES + 1] = "";
  (void)state;
  put(1);
  spool_start(ends[1], note);
  spool_stop(TOO_LONG_S * 1000);
  put(2);
  close(ends[1]);
  assert_int_equal(read(ends[0], text, 2 * LINE_BYTES), 2 * LINE_BYTES);
  assert_int_equal(strtoul(text, NULL, 10), 1);
  assert_int_equal(strtoul(text + LINE_BYTES, NULL, 10), 2);
}

/* Last, as the thread stays behind in its write. */
static void the_end_does_not_wait_for_ever(void **state) {
  (void)state;
  spool_start(ends[1], note);
  for (unsigned i = 0; i < LINES; i++)
    put(i);
  uint64_t before = spool_lost();
  spool_flush(1);
  spool_stop(1);
  put(LINES); /* nor does who comes later */
  assert_int_equal(spool_lost() - before, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(lines_are_written_in_order, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(without_a_reader_lines_are_counted, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(flushing_leaves_nothing_behind, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(without_the_thread_it_writes_at_once,
                                      setup, teardown),
      cmocka_unit_test_setup_teardown(the_end_does_not_wait_for_ever, setup,
                                      teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
