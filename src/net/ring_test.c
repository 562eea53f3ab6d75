/* SPDX-License-Identifier: MIT
 * Tests of net/ring, with real sockets. They pass over where the kernel has no
 * io_uring for us. */
#include "net/ring.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
  int near, far;
};

static struct pair open_pair(void) {
  int fds[2];
  assert_int_equal(
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
      0);
  return (struct pair){fds[0], fds[1]};
}

static void close_pair(struct pair pair) {
  close(pair.near);
  close(pair.far);
}

static struct ring *start(void) {
  struct ring *ring = ring_new();
  if (!ring) {
    printf("io_uring: %s\n", strerror(errno));
    skip();
  }
  return ring;
}

static void all_that_is_prepared_is_sent(void **state) {
  struct ring *ring = start();
  struct pair pairs[RING_SENDS];
  ssize_t results[RING_SENDS];
  char text[RING_SENDS][16], got[16];
  (void)state;
  for (int i = 0; i < RING_SENDS; i++)
    pairs[i] = open_pair();
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < RING_SENDS; i++) {
      snprintf(text[i], sizeof text[i], "%d of %d", i, round);
      ring_prepare(ring, pairs[i].near, text[i], strlen(text[i]));
    }
    assert_true(ring_submit(ring, results));
    for (int i = 0; i < RING_SENDS; i++) {
      assert_int_equal(results[i], strlen(text[i]));
      assert_int_equal(read(pairs[i].far, got, sizeof got), results[i]);
      assert_memory_equal(got, text[i], (size_t)results[i]);
    }
  }
  for (int i = 0; i < RING_SENDS; i++)
    close_pair(pairs[i]);
  ring_free(ring);
}

static void several_on_one_socket_keep_their_order(void **state) {
  struct ring *ring = start();
  struct pair pair = open_pair();
  ssize_t results[3];
  char got[16] = "";
  (void)state;
  ring_prepare(ring, pair.near, "one ", 4);
  ring_prepare(ring, pair.near, "two ", 4);
  ring_prepare(ring, pair.near, "three", 5);
  assert_true(ring_submit(ring, results));
  assert_int_equal(read(pair.far, got, sizeof got - 1), 13);
  assert_string_equal(got, "one two three");
  close_pair(pair);
  ring_free(ring);
}

/* A full socket takes a part, then nothing; a broken one is an error; the
 * others do not notice. Nobody waits. */
static void each_has_a_result_of_its_own(void **state) {
  struct ring *ring = start();
  struct pair good = open_pair(), full = open_pair(), broken = open_pair();
  static char much[1 << 20];
  ssize_t results[4];
  (void)state;
  close(broken.far);
  ring_prepare(ring, full.near, much, sizeof much);
  ring_prepare(ring, broken.near, "x", 1);
  ring_prepare(ring, full.near, much, sizeof much);
  ring_prepare(ring, good.near, "x", 1);
  assert_true(ring_submit(ring, results));
  assert_in_range(results[0], 1, sizeof much - 1);
  assert_int_equal(results[1], -EPIPE);
  assert_int_equal(results[2], -EAGAIN);
  assert_int_equal(results[3], 1);
  close_pair(good);
  close_pair(full);
  close(broken.near);
  ring_free(ring);
}

static void nothing_is_sent_in_vain(void **state) {
  struct ring *ring = start();
  (void)state;
  assert_true(ring_submit(ring, NULL));
  ring_free(ring);
  ring_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_that_is_prepared_is_sent),
      cmocka_unit_test(several_on_one_socket_keep_their_order),
      cmocka_unit_test(each_has_a_result_of_its_own),
      cmocka_unit_test(nothing_is_sent_in_vain),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
