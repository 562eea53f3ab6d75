/* SPDX-License-Identifier: MIT
 * URLs of Redis: good ones, bad ones, and what is shown of them. */
#include "config/redis_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct buf said;

static int parse(const char *text, struct redis_url *url) {
  buf_reset(&said, 0);
  int rc = redis_url_parse(text, strlen(text), url, &said);
  buf_putc(&said, '\0');
  return rc;
}

static void parse_ok(const char *text, struct redis_url *url) {
  if (parse(text, url) < 0)
    fail_msg("%s: %s", text, said.data);
}

static void parts_of_a_url(void **state) {
  struct redis_url url;
  (void)state;
  parse_ok("redis://a", &url);
  assert_string_equal(url.hosts[0].name, "a");
  assert_int_equal(url.hosts[0].port, 6379);
  assert_null(url.password);
  assert_false(url.tls);
  redis_url_free(&url);
  parse_ok("REDISS://me:p%40:%25s@[::1]:7000/12", &url);
  assert_string_equal(url.hosts[0].name, "::1");
  assert_int_equal(url.hosts[0].port, 7000);
  assert_string_equal(url.user, "me");
  assert_string_equal(url.password, "p@:%s");
  assert_int_equal(url.db, 12);
  assert_true(url.tls);
  redis_url_free(&url);
  parse_ok("redis://:p@a:1/", &url);
  assert_null(url.user);
  assert_string_equal(url.password, "p");
  redis_url_free(&url);
}

static void clusters(void **state) {
  struct redis_url url;
  (void)state;
  parse_ok("redis+cluster://u:p@a,b:7000,[fd00::1]:7001", &url);
  assert_true(url.cluster);
  assert_false(url.tls);
  assert_int_equal(url.host_count, 3);
  assert_int_equal(url.hosts[0].port, 6379);
  assert_string_equal(url.hosts[2].name, "fd00::1");
  assert_string_equal(url.password, "p");
  redis_url_free(&url);
  parse_ok("rediss+cluster://a/0", &url);
  assert_true(url.cluster && url.tls);
  redis_url_free(&url);
}

static void sockets_and_sentinels(void **state) {
  struct redis_url url;
  (void)state;
  parse_ok("unix://:pass@/run/redis/redis.sock?db=2", &url);
  assert_string_equal(url.path, "/run/redis/redis.sock");
  assert_string_equal(url.password, "pass");
  assert_int_equal(url.db, 2);
  redis_url_free(&url);
  parse_ok("redis+sentinel://u:p@a,b:1,[fd00::1]:2/my.master/3", &url);
  assert_int_equal(url.host_count, 3);
  assert_int_equal(url.hosts[0].port, 26379);
  assert_int_equal(url.hosts[1].port, 1);
  assert_string_equal(url.hosts[2].name, "fd00::1");
  assert_string_equal(url.master, "my.master");
  assert_int_equal(url.db, 3);
  redis_url_free(&url);
}

static void what_is_wrong_is_said(void **state) {
  static const struct {
    const char *url, *why;
  } bad[] = {
      {"", "write `redis://host:6379`"},
      {"10.0.0.1:6379", "write `redis://host:6379`"},
      {"http://a", "write `redis://host:6379`"},
      {"redis://", "is not `host:port`"},
      {"redis://a:x", "`a:x` is not `host:port`"},
      {"redis://a:0", "is not `host:port`"},
      {"redis://a:70000", "is not `host:port`"},
      {"redis://[::1", "is not `host:port`"},
      {"redis://a/x", "`x` is no number of a database"},
      {"redis://me@a", "`user:password`"},
      {"redis://:5%@a", "%25"},
      {"redis://:%00@a", "%25"},
      {"redis://:top/secret@a", "%2F"},
      {"unix://run/redis.sock", "from `/` on"},
      {"unix:///a?dbs=1", "`?db=1`"},
      {"redis+sentinel://a:1,b:2", "`/mymaster`"},
      {"redis+sentinel://a:1,b:2/", "`/mymaster`"},
      {"redis+sentinel://a,,b/m", "is not `host:port`"},
      {"redis+cluster://a,,b", "is not `host:port`"},
      {"redis+cluster://", "is not `host:port`"},
      {"redis+cluster://a,b/1", "no database but 0"},
      {"redis+cluster://u:p/x@a", "%2F"},
  };
  struct redis_url url;
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    if (parse(bad[i].url, &url) == 0)
      fail_msg("`%s` passes", bad[i].url);
    if (!strstr(said.data, bad[i].why))
      fail_msg("`%s`: %s", bad[i].url, said.data);
    assert_null(strstr(said.data, "secret"));
  }
}

static void passwords_are_not_shown(void **state) {
  static const struct {
    const char *text, *shown;
  } texts[] = {
      {"redis://a:1", "redis://a:1"},
      {"redis://me:secret@a:1/2", "redis://me:***@a:1/2"},
      {"redis://:se/cr@et@a, unix://:x@/run/s",
       "redis://:***@a,unix://:***@/run/s"},
      {"redis+sentinel://u:p@a:1,b:2/m, redis://c",
       "redis+sentinel://u:***@a:1,b:2/m,redis://c"},
      {"me:secret@a", "me:***@a"},
      {"", ""},
  };
  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    buf_reset(&said, 0);
    redis_url_print(texts[i].text, &said);
    buf_putc(&said, '\0');
    assert_string_equal(said.data, texts[i].shown);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parts_of_a_url),
      cmocka_unit_test(clusters),
      cmocka_unit_test(sockets_and_sentinels),
      cmocka_unit_test(what_is_wrong_is_said),
      cmocka_unit_test(passwords_are_not_shown),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  buf_free(&said);
  return failed;
}
