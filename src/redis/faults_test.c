/* SPDX-License-Identifier: MIT
 * Everything that breaks between a link and a real Redis, or inside of that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "redis/relay_test.h"
#include "redis/secure.h"

enum { MANY = 10000 };

static const char counting[] = "return redis.call('INCR', KEYS[1])";
static const struct link_script scripts[] = {{counting, sizeof counting - 1}};

static struct relay relay;

/* The link goes through the relay. */
static int start_relayed(void **state) {
  rig_start(state);
  struct rig *rig = *state;
  real_start(&rig->real, NULL);
  relay_start(&relay, &rig->loop, rig->real.port);
  rig_url(rig, relay.port);
  rig_link(rig);
  UNTIL(rig, rig->ups == 1);
  return 0;
}

static int stop_relayed(void **state) {
  relay_stop(&relay);
  rig_stop(state);
  relay_free(&relay);
  return 0;
}

static int start_server(void **state) {
  rig_start(state);
  struct rig *rig = *state;
  real_start(&rig->real, NULL);
  return 0;
}

static void ends_and_resets_are_noticed(void **state) {
  struct rig *rig = *state;
  for (int reset = 0; reset <= 1; reset++) {
    int ups = rig->ups, unknown = rig->unknown;
    assert_int_equal(say(rig, "INCR n"), 0);
    uv_run(&rig->loop, UV_RUN_NOWAIT); /* sent, and not answered */
    relay_cut(&relay, reset);
    UNTIL(rig, rig->ups > ups);
    assert_int_equal(rig->downs, rig->ups - 1);
    assert_int_equal(rig->unknown, unknown + 1);
  }
}

static void half_open_connections_are_noticed(void **state) {
  struct rig *rig = *state;
  relay_hold(&relay);
  UNTIL(rig, rig->downs >= 1);
  assert_non_null(strstr(rig->why, "did not come back"));
  assert_true(link_counters(rig->link)->probes_missed >= 2);
  UNTIL(rig, rig->ups >= 2);
}

/* What Redis may have seen is told apart from what it has not. */
static void what_was_not_sent_is_told(void **state) {
  enum { PIECE = 1 << 20, PIECES = 40 };
  struct rig *rig = *state;
  char *piece = calloc(1, PIECE);
  struct slice words[] = {word("ECHO"), {piece, PIECE}};
  real_kill(&rig->real, SIGSTOP);
  for (int i = 0; i < PIECES; i++)
    assert_int_equal(link_command(rig->link, words, 2, on_reply, rig), 0);
  free(piece);
  UNTIL(rig, rig->downs >= 1);
  assert_true(rig->unknown > 0);
  assert_true(rig->not_sent > 0);
  assert_int_equal(rig->unknown + rig->not_sent, PIECES);
  real_kill(&rig->real, SIGCONT);
  UNTIL(rig, rig->ups >= 2);
}

/* Nobody accepts: the system keeps a few, and ignores the next ones. */
static void a_black_hole_has_a_deadline(void **state) {
  enum { FILL = 16 };
  struct rig *rig = *state;
  struct sockaddr_in addr = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof addr;
  int fds[FILL], hole = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(hole, (struct sockaddr *)&addr, sizeof addr), 0);
  assert_int_equal(listen(hole, 0), 0);
  getsockname(hole, (struct sockaddr *)&addr, &len);
  for (int i = 0; i < FILL; i++) {
    fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int rc = connect(fds[i], (struct sockaddr *)&addr, sizeof addr);
    (void)rc; /* under way, or done */
  }
  rig_url(rig, ntohs(addr.sin_port));
  rig->options.timeout_ms = 200;
  rig_link(rig);
  UNTIL(rig, strstr(link_status(rig->link).why, "in time"));
  for (int i = 0; i < FILL; i++)
    close(fds[i]);
  close(hole);
}

static void a_server_that_says_nothing_has_a_deadline(void **state) {
  struct rig *rig = *state;
  real_kill(&rig->real, SIGSTOP);
  rig_url(rig, rig->real.port);
  rig->options.timeout_ms = 200;
  rig_link(rig);
  UNTIL(rig, strstr(link_status(rig->link).why, "did not answer in time"));
  real_kill(&rig->real, SIGCONT);
  UNTIL(rig, rig->ups == 1);
}

static void a_name_that_is_none_is_said(void **state) {
  struct rig *rig = *state;
  strcpy(rig->url, "redis://nowhere.invalid:6379");
  rig_link(rig);
  UNTIL(rig, link_counters(rig->link)->attempts == 2);
  assert_string_equal(link_status(rig->link).server, "nowhere.invalid:6379");
}

static void try_password(struct rig *rig, const char *password,
                         const char *error) {
  snprintf(rig->url, sizeof rig->url, "redis://%s127.0.0.1:%d", password,
           rig->real.port);
  rig_link(rig);
  if (error)
    UNTIL(rig, strstr(link_status(rig->link).why, error));
  else
    UNTIL(rig, rig->ups == 1);
  rig_unlink(rig);
}

static void passwords(void **state) {
  struct rig *rig = *state;
  real_say(&rig->real, "CONFIG SET requirepass top:s@cret");
  try_password(rig, "", "needs a password");
  try_password(rig, ":wrong@", "user or password");
  try_password(rig, "nobody:top:s@cret@", "user or password");
  try_password(rig, ":top:s@cret@", NULL);
}

static void unix_sockets(void **state) {
  struct rig *rig = *state;
  snprintf(rig->url, sizeof rig->url, "unix://%s?db=3", rig->real.path);
  rig_link(rig);
  UNTIL(rig, rig->ups == 1);
  assert_int_equal(say(rig, "INCR n"), 0);
  UNTIL(rig, rig->answered == 1);
  real_kill(&rig->real, SIGKILL);
  UNTIL(rig, strstr(link_status(rig->link).why, "refused") ||
                 strstr(link_status(rig->link).why, "No such file"));
  real_start(&rig->real, NULL);
  UNTIL(rig, rig->ups >= 2);
}

/* A server that speaks TLS on `port`, with a certificate of 127.0.0.1. */
static void start_tls(struct rig *rig, int port, char *ca_file, size_t cap) {
  char text[640];
  real_make(&rig->real);
  const char *folder = rig->real.folder;
  snprintf(ca_file, cap, "%s/cert.pem", folder);
  snprintf(text, sizeof text,
           "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
           "-nodes -keyout %s/key.pem -out %s -days 1 -subj /CN=test "
           "-addext subjectAltName=IP:127.0.0.1 2>%s/openssl",
           folder, ca_file, folder);
  assert_int_equal(system(text), 0);
  snprintf(text, sizeof text,
           "tls-port %d\ntls-cert-file %s\ntls-key-file %s/key.pem\n"
           "tls-ca-cert-file %s\ntls-auth-clients no\n",
           port, ca_file, folder, ca_file);
  real_start(&rig->real, text);
}

static void tls_where_hiredis_has_it(void **state) {
  struct rig *rig = *state;
  struct buf why = {0};
  char ca_file[128];
  int port = free_port();
  if (!secure_possible()) {
    assert_int_equal(link_check("rediss://a", NULL, &why), ERR_CONFIG);
    buf_putc(&why, '\0');
    assert_non_null(strstr(why.data, "0.14.1"));
    buf_free(&why);
    skip();
  }
  start_tls(rig, port, ca_file, sizeof ca_file);
  snprintf(rig->url, sizeof rig->url, "rediss://127.0.0.1:%d", port);
  rig_link(rig); /* whose authority nobody knows */
  UNTIL(rig, link_counters(rig->link)->attempts == 2);
  assert_non_null(strstr(link_status(rig->link).why, "self-signed"));
  rig_unlink(rig);
  rig->options.ca_file = ca_file;
  rig_link(rig);
  UNTIL(rig, rig->ups == 1);
  assert_int_equal(say(rig, "INCR n"), 0);
  UNTIL(rig, rig->answered == 1);
  rig_unlink(rig);
  snprintf(rig->url, sizeof rig->url, "rediss://localhost:%d", port);
  rig_link(rig); /* the certificate is of another name */
  UNTIL(rig, link_counters(rig->link)->attempts == 2);
  assert_non_null(strstr(link_status(rig->link).why, "mismatch"));
}

static void a_full_redis_answers_oom(void **state) {
  struct rig *rig = *state;
  real_say(&rig->real, "CONFIG SET maxmemory 1");
  assert_int_equal(say(rig, "SET a b"), 0);
  UNTIL(rig, rig->answered == 1);
  assert_non_null(strstr(rig->error, "OOM"));
  assert_int_equal(link_counters(rig->link)->errors[REPLY_OOM], 1);
  assert_true(link_is_up(rig->link));
}

static void scripts_that_are_flushed_are_loaded_again(void **state) {
  struct rig *rig = *state;
  char sha[LINK_SHA_BYTES], text[80];
  rig_url(rig, rig->real.port);
  rig->options.scripts = scripts;
  rig->options.script_count = 1;
  rig_link(rig);
  UNTIL(rig, rig->ups == 1);
  link_script_sha(&scripts[0], sha);
  snprintf(text, sizeof text, "EVALSHA %s 1 n", sha);
  assert_int_equal(say(rig, text), 0);
  UNTIL(rig, rig->answered == 1);
  assert_string_equal(rig->error, "");
  real_say(&rig->real, "SCRIPT FLUSH");
  assert_int_equal(say(rig, text), 0);
  UNTIL(rig, rig->answered == 2);
  assert_non_null(strstr(rig->error, "NOSCRIPT"));
  rig->error[0] = '\0';
  assert_int_equal(say(rig, text), 0);
  UNTIL(rig, rig->answered == 3);
  assert_string_equal(rig->error, "");
}

static void a_replica_is_not_used(void **state) {
  struct rig *rig = *state;
  struct real master = {0};
  char text[80];
  real_start(&master, NULL);
  snprintf(text, sizeof text, "REPLICAOF 127.0.0.1 %d", master.port);
  real_say(&rig->real, text);
  assert_int_equal(say(rig, "SET a b"), 0);
  UNTIL(rig, rig->downs >= 1);
  assert_non_null(strstr(rig->error, "READONLY"));
  UNTIL(rig, strstr(link_status(rig->link).why, "not a master"));
  real_say(&rig->real, "REPLICAOF NO ONE");
  UNTIL(rig, rig->ups >= 2);
  real_end(&master);
}

static void a_redis_that_loads_is_waited_for(void **state) {
  struct rig *rig = *state;
  real_say(&rig->real, "DEBUG POPULATE 1500 key 50");
  real_say(&rig->real, "SAVE");
  real_kill(&rig->real, SIGKILL);
  UNTIL(rig, rig->downs >= 1);
  real_start(&rig->real, "key-load-delay 400\n"
                         "loading-process-events-interval-bytes 1024\n");
  UNTIL(rig, strstr(link_status(rig->link).why, "LOADING"));
  UNTIL(rig, rig->ups >= 2);
}

static void all_channels_come_back(void **state) {
  struct rig *rig = *state;
  char name[32];
  for (int i = 0; i < MANY; i++) {
    int len = snprintf(name, sizeof name, "channel-%d", i);
    assert_non_null(
        link_subscribe(rig->link, (struct slice){name, (size_t)len}, NULL));
  }
  UNTIL(rig, rig->subscribed == MANY);
  int ups = rig->ups;
  real_say(&rig->real, "CLIENT KILL TYPE pubsub");
  UNTIL(rig, rig->ups > ups && rig->subscribed == MANY);
  assert_int_equal(link_status(rig->link).channels, MANY);
  snprintf(name, sizeof name, "PUBLISH channel-%d x", MANY - 1);
  assert_int_equal(say(rig, "PUBLISH channel-0 x"), 0);
  assert_int_equal(say(rig, name), 0);
  UNTIL(rig, rig->messages == 2);
}

/* A probe that waits behind much that Redis does is not missed. */
static void a_busy_redis_is_not_left(void **state) {
  enum { SCRIPTS = 8000 };
  struct rig *rig = *state;
  struct slice words[] = {word("EVAL"),
                          word("local n = 0 for i = 1, 5000 do n = n + i end "
                               "return n"),
                          word("0")};
  for (int i = 0; i < SCRIPTS; i++)
    assert_int_equal(link_command(rig->link, words, 3, on_reply, rig), 0);
  UNTIL(rig, rig->answered == SCRIPTS);
  assert_int_equal(rig->downs, 0);
}

static void close_it(void *arg, enum link_fate fate,
                     const struct reply *reply) {
  on_reply(arg, fate, reply);
  link_close(((struct rig *)arg)->link);
}

static void a_link_may_be_closed_in_a_callback(void **state) {
  struct rig *rig = *state;
  struct slice ping = word("PING");
  assert_int_equal(link_command(rig->link, &ping, 1, close_it, rig), 0);
  assert_int_equal(say(rig, "INCR n"), 0);
  assert_int_equal(say(rig, "INCR n"), 0);
  UNTIL(rig, rig->answered + rig->unknown == 3);
  assert_int_equal(say(rig, "INCR n"), ERR_CLOSED);
  assert_int_equal(rig->downs, 0);
}

static void a_link_may_be_closed_by_a_loss(void **state) {
  struct rig *rig = *state;
  struct slice ping = word("PING");
  real_kill(&rig->real, SIGSTOP);
  assert_int_equal(link_command(rig->link, &ping, 1, close_it, rig), 0);
  assert_int_equal(say(rig, "INCR n"), 0);
  UNTIL(rig, rig->unknown == 2);
  assert_int_equal(rig->downs, 0);
}

int main(void) {
#define TEST(test, start, stop)                                                \
  cmocka_unit_test_setup_teardown(test, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(ends_and_resets_are_noticed, start_relayed, stop_relayed),
      TEST(half_open_connections_are_noticed, start_relayed, stop_relayed),
      TEST(what_was_not_sent_is_told, rig_start_up, rig_stop),
      TEST(a_black_hole_has_a_deadline, rig_start, rig_stop),
      TEST(a_server_that_says_nothing_has_a_deadline, start_server, rig_stop),
      TEST(a_name_that_is_none_is_said, rig_start, rig_stop),
      TEST(passwords, start_server, rig_stop),
      TEST(unix_sockets, start_server, rig_stop),
      TEST(tls_where_hiredis_has_it, rig_start, rig_stop),
      TEST(a_full_redis_answers_oom, rig_start_up, rig_stop),
      TEST(scripts_that_are_flushed_are_loaded_again, start_server, rig_stop),
      TEST(a_replica_is_not_used, rig_start_up, rig_stop),
      TEST(a_redis_that_loads_is_waited_for, rig_start_up, rig_stop),
      TEST(all_channels_come_back, rig_start_up, rig_stop),
      TEST(a_busy_redis_is_not_left, rig_start_up, rig_stop),
      TEST(a_link_may_be_closed_in_a_callback, rig_start_up, rig_stop),
      TEST(a_link_may_be_closed_by_a_loss, rig_start_up, rig_stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
