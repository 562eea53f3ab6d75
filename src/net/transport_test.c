/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "net/transport.h"

#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BLOCK_BYTES = 40000, UPDATES = 5, MANY_UPDATES = 10000 };

struct pair {
  int fds[2]; /* ours, theirs */
  SSL_CTX *contexts[2];
  struct transport ours;
  SSL *theirs;
};

/* A shared key, so that the test needs no certificate. */
static unsigned server_key(SSL *tls, const char *name, unsigned char *key,
                           unsigned cap) {
  (void)tls, (void)name;
  assert_true(cap >= 32);
  memset(key, 7, 32);
  return 32;
}

static unsigned client_key(SSL *tls, const char *hint, char *name,
                           unsigned name_cap, unsigned char *key,
                           unsigned cap) {
  (void)hint;
  assert_true(name_cap > 1);
  strcpy(name, "x");
  return server_key(tls, name, key, cap);
}

static SSL_CTX *new_context(const SSL_METHOD *method) {
  SSL_CTX *context = SSL_CTX_new(method);
  assert_non_null(context);
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  assert_int_equal(SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256"),
                   1);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

static int begin(void **state) {
  static struct pair pair;
  *state = &pair;
  assert_int_equal(
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.fds), 0);
  pair.contexts[0] = new_context(TLS_server_method());
  pair.contexts[1] = new_context(TLS_client_method());
  SSL_CTX_set_psk_server_callback(pair.contexts[0], server_key);
  SSL_CTX_set_psk_client_callback(pair.contexts[1], client_key);
  pair.ours = (struct transport){.watch.fd = pair.fds[0]};
  pair.theirs = SSL_new(pair.contexts[1]);
  assert_int_equal(transport_secure(&pair.ours, pair.contexts[0]), 0);
  SSL_set_fd(pair.theirs, pair.fds[1]);
  for (int done = 0; done != 2;)
    done = (SSL_connect(pair.theirs) == 1) +
           (transport_shake(&pair.ours) == SHAKE_DONE);
  return 0;
}

static int end(void **state) {
  struct pair *pair = *state;
  SSL_free(pair->ours.tls);
  SSL_free(pair->theirs);
  for (int i = 0; i < 2; i++) {
    SSL_CTX_free(pair->contexts[i]);
    close(pair->fds[i]);
  }
  return 0;
}

/* Writes until the socket takes no more; how many bytes. */
static size_t fill(struct pair *pair) {
  static char block[BLOCK_BYTES];
  size_t sum = 0;
  memset(block, 'x', sizeof block);
  while (!transport_is_full(&pair->ours)) {
    ssize_t n = transport_write(&pair->ours, block, sizeof block);
    assert_true(n >= 0);
    sum += (size_t)n;
  }
  assert_int_equal(transport_write(&pair->ours, block, sizeof block), 0);
  return sum;
}

/* Another key, and the wish that we take another one, too. */
static void update(struct pair *pair) {
  assert_int_equal(SSL_key_update(pair->theirs, SSL_KEY_UPDATE_REQUESTED), 1);
  assert_int_equal(SSL_do_handshake(pair->theirs), 1);
}

/* Reads until something comes: "hello". How many reads were in vain. */
static int reads_before_hello(struct pair *pair) {
  char out[64];
  ssize_t n;
  int in_vain = 0;
  while ((n = transport_read(&pair->ours, out, sizeof out)) == 0 &&
         in_vain < MANY_UPDATES)
    in_vain++;
  assert_int_equal(n, 5);
  assert_memory_equal(out, "hello", 5);
  return in_vain;
}

/* Reads all that comes, while we write what waits. */
static size_t drain(struct pair *pair) {
  char out[BLOCK_BYTES];
  size_t sum = 0;
  for (int quiet = 0; quiet < 3;) {
    int n = SSL_read(pair->theirs, out, sizeof out);
    quiet = n > 0 ? 0 : quiet + 1;
    sum += n > 0 ? (size_t)n : 0;
    assert_int_equal(transport_write(&pair->ours, NULL, 0), 0);
  }
  return sum;
}

static void takes_new_keys_while_it_is_full(void **state) {
  struct pair *pair = *state;
  char out[64];
  size_t sum = fill(pair);
  for (int i = 0; i < UPDATES; i++) {
    update(pair);
    assert_int_equal(SSL_write(pair->theirs, "hello", 5), 5);
    (void)reads_before_hello(pair);
  }
  assert_int_equal(drain(pair), sum);
  assert_false(transport_is_full(&pair->ours));
  assert_int_equal(transport_write(&pair->ours, "bye", 3), 3);
  assert_int_equal(SSL_read(pair->theirs, out, sizeof out), 3);
}

/* Who sends new keys without an end must not have the loop for himself. */
static void reads_one_record_at_a_time(void **state) {
  struct pair *pair = *state;
  for (int i = 0; i < UPDATES; i++)
    update(pair);
  assert_int_equal(SSL_write(pair->theirs, "hello", 5), 5);
  assert_true(reads_before_hello(pair) >= UPDATES);
}

static void ends_when_there_are_too_many(void **state) {
  struct pair *pair = *state;
  char out[64];
  ssize_t n = 0;
  fill(pair);
  for (int i = 0; i < MANY_UPDATES && n == 0; i++) {
    update(pair);
    for (int reads = 0; reads < 2 && n == 0; reads++)
      n = transport_read(&pair->ours, out, sizeof out);
  }
  assert_int_equal(n, ERR_CLOSED);
}

static void tells_of_the_end(void **state) {
  struct pair *pair = *state;
  char out[64];
  assert_int_equal(transport_read(&pair->ours, out, sizeof out), 0);
  SSL_shutdown(pair->theirs);
  assert_int_equal(transport_read(&pair->ours, out, sizeof out), ERR_CLOSED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(takes_new_keys_while_it_is_full, begin,
                                      end),
      cmocka_unit_test_setup_teardown(reads_one_record_at_a_time, begin, end),
      cmocka_unit_test_setup_teardown(ends_when_there_are_too_many, begin, end),
      cmocka_unit_test_setup_teardown(tells_of_the_end, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
