/* SPDX-License-Identifier: MIT
 * The configuration: every source, which wins, and every kind of mistake. */
#include "config/address.h"
#include "config/check.h"
#include "config/config.h"

#include "auth/jwt.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/file.h"
#include "config/manual.h"
#include "config/suggest.h"
#include "config/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SECRET_32 "0123456789abcdef0123456789abcdef"

enum { WORDS_MAX = 8 };

/* Everything that one load is given; what is NULL is not there. */
struct given {
  enum config_mode mode;
  const char *file; /* content of perigee.cfg.lua */
  char *env[WORDS_MAX], *flags[WORDS_MAX];
};

static char folder[] = "/tmp/perigee-config-XXXXXX";
static struct buf errors; /* of the last load, zero-terminated */

static void write_file(const char *name, const char *text) {
  FILE *out = fopen(name, "w");
  assert_non_null(out);
  assert_true(fputs(text, out) >= 0);
  assert_int_equal(fclose(out), 0);
}

static int enter_folder(void **state) {
  (void)state;
  return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state) {
  (void)state;
  unlink(CONFIG_FILE);
  unlink("other.lua");
  buf_free(&errors);
  return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static struct config *load(struct given given) {
  struct config_args args = {given.mode, 0, given.flags, given.env};
  while (args.argc < WORDS_MAX && given.flags[args.argc])
    args.argc++;
  unlink(CONFIG_FILE);
  if (given.file)
    write_file(CONFIG_FILE, given.file);
  buf_reset(&errors, 0);
  struct config *cfg = config_load(&args, &errors);
  buf_putc(&errors, '\0');
  return cfg;
}

static struct config *load_ok(struct given given) {
  struct config *cfg = load(given);
  if (!cfg)
    fail_msg("%s", errors.data);
  assert_string_equal(errors.data, "");
  return cfg;
}

/* The load fails, and `text` is among the errors. */
static void refused(struct given given, const char *text) {
  assert_null(load(given));
  if (!strstr(errors.data, text))
    fail_msg("no `%s` in: %s", text, errors.data);
}

static void assert_from(const struct config *cfg, enum option_index at,
                        const char *from) {
  assert_string_equal(cfg->from[at], from);
}

/* ---- sources ---- */

static void defaults(void **state) {
  (void)state;
  struct config *cfg = load_ok((struct given){0});
  assert_string_equal(cfg->listen, "0.0.0.0:8080");
  assert_string_equal(cfg->scripts, "./scripts");
  assert_string_equal(cfg->auth_secret, "");
  assert_null(cfg->origins[0]);
  assert_false(cfg->watch);
  assert_int_equal(cfg->limits_message_bytes, 65536);
  assert_int_equal(cfg->limits_queue_bytes, 1024 * 1024);
  assert_int_equal(cfg->limits_per_user, 10);
  assert_true(cfg->heartbeat_interval_s == 25.0);
  assert_int_equal(cfg->auth_algorithm, JWT_HS256);
  assert_int_equal(cfg->log_level, LOG_INFO);
  assert_int_equal(cfg->log_format, LOG_TEXT);
  assert_string_equal(cfg->vars_json, "{}");
  for (size_t i = 0; i < OPTION_COUNT; i++)
    assert_from(cfg, (enum option_index)i, "default");
  config_free(cfg);
}

static void development_defaults(void **state) {
  (void)state;
  struct given given = {.mode = CONFIG_DEVELOPMENT};
  struct config *one = load_ok(given), *two = load_ok(given);
  assert_string_equal(one->listen, "127.0.0.1:8080");
  assert_true(one->watch);
  assert_string_equal(one->origins[0], "*");
  assert_int_equal(strlen(one->auth_secret), 64);
  assert_string_not_equal(one->auth_secret, two->auth_secret);
  assert_from(one, OPTION_AT_auth_secret, "made for this run");
  config_free(one);
  config_free(two);
}

static void development_keeps_a_given_secret(void **state) {
  (void)state;
  struct config *cfg = load_ok((struct given){
      .mode = CONFIG_DEVELOPMENT, .env = {"PERIGEE_AUTH_SECRET=short"}});
  assert_string_equal(cfg->auth_secret, "short");
  config_free(cfg);
}

static void file_values(void **state) {
  (void)state;
  struct config *cfg =
      load_ok((struct given){.file = "listen = ':9000'\n"
                                     "limits.burst = 7\n"
                                     "limits = {\n"
                                     "  per_user = 3,\n"
                                     "}\n"
                                     "limits.queue_bytes = '2MiB'\n"
                                     "heartbeat.interval_s = 0.2\n"
                                     "watch = true\n"
                                     "origins = { 'https://a', 'https://b' }\n"
                                     "log.level = 'debug'\n"});
  assert_string_equal(cfg->listen, ":9000");
  assert_int_equal(cfg->limits_burst, 7);
  assert_int_equal(cfg->limits_per_user, 3);
  assert_int_equal(cfg->limits_queue_bytes, 2 * 1024 * 1024);
  assert_true(cfg->heartbeat_interval_s == 0.2);
  assert_true(cfg->watch);
  assert_string_equal(cfg->origins[0], "https://a");
  assert_string_equal(cfg->origins[1], "https://b");
  assert_null(cfg->origins[2]);
  assert_int_equal(cfg->log_level, LOG_DEBUG);
  assert_from(cfg, OPTION_AT_limits_burst, CONFIG_FILE ":2");
  config_free(cfg);
}

static void file_reads_variables(void **state) {
  (void)state;
  struct config *cfg = load_ok(
      (struct given){.file = "auth.secret = env 'APP_SECRET'\n"
                             "scripts = env 'UNSET'\n"
                             "if env 'UNSET' then listen = ':1' end\n",
                     .env = {"APP_SECRETS=no", "APP_SECRET=s=1", "X=2"}});
  assert_string_equal(cfg->auth_secret, "s=1");
  assert_string_equal(cfg->scripts, "./scripts");
  assert_from(cfg, OPTION_AT_scripts, "default");
  config_free(cfg);
}

static void file_vars_become_json(void **state) {
  (void)state;
  struct config *cfg =
      load_ok((struct given){.file = "vars = { list = {1, 2.0, 0.1, 'a\"\\n', "
                                     "true, {}, {{-1}}} }\n"});
  assert_string_equal(cfg->vars_json,
                      "{\"list\":[1,2.0,0.1,\"a\\\"\\u000a\",true,{},[[-1]]]}");
  config_free(cfg);
  cfg = load_ok((struct given){.file = "vars.motd = 'h\xc3\xa9'\n"});
  assert_string_equal(cfg->vars_json, "{\"motd\":\"h\xc3\xa9\"}");
  config_free(cfg);
}

static void named_file(void **state) {
  (void)state;
  write_file("other.lua", "limits.burst = 5");
  struct given given = {.file = "limits.burst = 4",
                        .env = {"PERIGEE_CONFIG=other.lua"}};
  struct config *cfg = load_ok(given);
  assert_int_equal(cfg->limits_burst, 5);
  config_free(cfg);
  given.flags[0] = "--config=" CONFIG_FILE;
  cfg = load_ok(given);
  assert_int_equal(cfg->limits_burst, 4);
  config_free(cfg);
  given.flags[0] = "--config";
  given.flags[1] = "other.lua";
  cfg = load_ok(given);
  assert_int_equal(cfg->limits_burst, 5);
  config_free(cfg);
}

static void later_sources_win(void **state) {
  (void)state;
  struct given given = {.file = "limits.burst = 2"};
  struct config *cfg = load_ok(given);
  assert_int_equal(cfg->limits_burst, 2);
  config_free(cfg);
  given.env[0] = "PERIGEE_LIMITS_BURST=3";
  cfg = load_ok(given);
  assert_int_equal(cfg->limits_burst, 3);
  assert_from(cfg, OPTION_AT_limits_burst, "PERIGEE_LIMITS_BURST");
  config_free(cfg);
  given.flags[0] = "--limits.burst=4";
  cfg = load_ok(given);
  assert_int_equal(cfg->limits_burst, 4);
  assert_from(cfg, OPTION_AT_limits_burst, "flag");
  config_free(cfg);
}

static void flags(void **state) {
  (void)state;
  struct config *cfg = load_ok((struct given){
      .flags = {"--listen", ":0", "--watch", "--origins=https://a, https://b,",
                "--auth.secret=a=b", "--scripts="}});
  assert_string_equal(cfg->listen, ":0");
  assert_true(cfg->watch);
  assert_string_equal(cfg->origins[1], "https://b");
  assert_null(cfg->origins[2]);
  assert_string_equal(cfg->auth_secret, "a=b");
  assert_string_equal(cfg->scripts, "");
  config_free(cfg);
  cfg = load_ok(
      (struct given){.mode = CONFIG_DEVELOPMENT, .flags = {"--no-watch"}});
  assert_false(cfg->watch);
  config_free(cfg);
  cfg = load_ok((struct given){.flags = {"--watch", "--watch=false"}});
  assert_false(cfg->watch);
  config_free(cfg);
}

/* ---- mistakes ---- */

static void unknown_names(void **state) {
  (void)state;
  refused((struct given){.file = "\nlimits.qeue_bytes = 1"},
          CONFIG_FILE ":2: unknown option `limits.qeue_bytes`, did you mean "
                      "`limits.queue_bytes`?");
  refused((struct given){.file = "limits = { bursts = 1 }"},
          "did you mean `limits.burst`?");
  refused((struct given){.file = "limts.burst = 1"},
          CONFIG_FILE ":1: unknown name `limts`: did you mean `limits`?");
  refused((struct given){.file = "print 'x'"}, "unknown name `print`");
  refused((struct given){.env = {"PERIGEE_LIMITS_BRUST=1"}},
          "did you mean `PERIGEE_LIMITS_BURST`?");
  refused((struct given){.flags = {"--limits.brust=1"}},
          "did you mean `--limits.burst`?");
  refused((struct given){.flags = {"--burst", "1"}},
          "did you mean `--limits.burst`?");
  refused((struct given){.flags = {"--no-limits.burst"}}, "unknown option");
  refused((struct given){.flags = {"--zzzzzzzz=1"}}, "`--zzzzzzzz`\n");
  refused((struct given){.flags = {"scripts"}}, "unexpected argument");
  refused((struct given){.flags = {"--listen"}}, "`--listen` needs a value");
  refused((struct given){.flags = {"--listen", "--watch"}}, "needs a value");
  refused((struct given){.flags = {"--config"}}, "needs a value");
}

static void values_out_of_range(void **state) {
  (void)state;
  refused((struct given){.flags = {"--limits.burst=0"}},
          "flag: `limits.burst` is `0`: it must be a number from 1 to 1000000");
  refused((struct given){.env = {"PERIGEE_LIMITS_MESSAGE_BYTES=17MiB"}},
          "PERIGEE_LIMITS_MESSAGE_BYTES: `limits.message_bytes` is `17MiB`: it "
          "must be a number from 1KiB to 16MiB");
  refused((struct given){.file = "heartbeat.interval_s = 0.01"},
          CONFIG_FILE ":1: `heartbeat.interval_s` is `0.01`");
  refused((struct given){.flags = {"--log.level=loud"}},
          "it must be debug, info, warn or error");
  refused((struct given){.flags = {"--auth.algorithm=none"}}, "HS256");
  refused((struct given){.flags = {"--watch=maybe"}}, "true or false");
}

static void numbers_that_are_none(void **state) {
  (void)state;
  static char *const wrong[] = {
      "--limits.burst=",    "--limits.burst=x",     "--limits.burst=1.5",
      "--limits.burst= 1",  "--limits.burst=-1",    "--limits.burst=0x10",
      "--limits.burst=inf", "--limits.burst=nan",   "--limits.burst=1KiB",
      "--limits.burst=1 ",  "--limits.burst=1e99",  "--limits.queue_bytes=1KX",
      "--auth.leeway_s=5w", "--auth.leeway_s=1e999"};
  for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
    refused((struct given){.flags = {wrong[i]}}, "must be a number from");
}

static void all_mistakes_are_told(void **state) {
  (void)state;
  struct given given = {.file = "limits.burst = 0\nlimits.nope = 1",
                        .env = {"PERIGEE_LIMITS_PER_IP=x"},
                        .flags = {"--log.level=loud", "--what"}};
  refused(given, "limits.burst");
  refused(given, "limits.nope");
  refused(given, "PERIGEE_LIMITS_PER_IP");
  refused(given, "loud");
  refused(given, "--what");
}

static void broken_files(void **state) {
  (void)state;
  static const struct {
    const char *file, *error;
  } cases[] = {
      {"listen =", CONFIG_FILE ":1: "},
      {"\x1bLua", "attempt to load a binary chunk"},
      {"local n = 0\nwhile true do n = n + 1 end", CONFIG_FILE ":2: the file"},
      {"local s = 'aaaaaaaa' while true do s = s .. s end", "memory"},
      {"local a = listen", "can only be assigned"},
      {"listen = {}", "`listen` cannot be a table: write `listen = \""},
      {"workers = { 4 }", "`workers` cannot be a table: write `workers = \""},
      {"session.keep_s = { 3 }",
       "`session.keep_s` cannot be a table: write `session.keep_s = 30`"},
      {"listen = env", "`listen` cannot be a function"},
      {"listen = 'a\\0b'", "zero byte"},
      {"session = 30",
       "`session` has options: write `session = { keep_s = 30 }`"},
      {"session = { 30 }", "`session` has a value without a name: write "
                           "`session = { keep_s = 30 }`"},
      {"sessions = { keep_s = 30 }", "`sessions`: did you mean `session`?"},
      {"zzzzzzzz = {}", "unknown name `zzzzzzzz`"},
      {"limits.per_user = { 5 }", "cannot be a table: write "
                                  "`limits.per_user = 10`"},
      {"limits[1] = 5", "name of an option"},
      {"origins = { 1 }", "item that is no text"},
      {"vars = 1", "`vars` must be a table"},
      {"vars = { 1, x = 2 }", "keys of a table"},
      {"vars.f = env", "function has no JSON form"},
      {"vars.n = 1 / 0", "not finite"},
      {"vars.s = '\\xff'", "not UTF-8"},
      {"vars.s = '\\xed\\xa0\\x80'", "not UTF-8"},
      {"local t = {} t.t = t vars = t", "in a circle"},
  };
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
    refused((struct given){.file = cases[i].file}, cases[i].error);
}

/* As some editors write them, and as `lua` takes them. */
static void files_of_other_editors(void **state) {
  static const char *const files[] = {
      "\xef\xbb\xbflimits = { per_user = 3 }\r\n",
      "#!/usr/bin/perigee\nlimits = { per_user = 3 }\n",
      "\xef\xbb\xbf# settings\r\nlimits = { per_user = 3 }",
  };
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
    struct config *cfg = load_ok((struct given){.file = files[i]});
    assert_int_equal(cfg->limits_per_user, 3);
    config_free(cfg);
  }
  refused((struct given){.file = "#!/usr/bin/perigee\nlisten ="},
          CONFIG_FILE ":2: ");
}

static void missing_files(void **state) {
  (void)state;
  refused((struct given){.flags = {"--config=nope.lua"}},
          "nope.lua: No such file");
  refused((struct given){.env = {"PERIGEE_CONFIG=nope.lua"}}, "nope.lua");
  refused((struct given){.flags = {"--config=."}}, "Is a directory");
}

/* ---- what a start needs ---- */

static int check(struct given given) {
  struct config *cfg = load_ok(given);
  buf_reset(&errors, 0);
  int result = check_config(cfg, given.mode, &errors);
  buf_putc(&errors, '\0');
  config_free(cfg);
  return result;
}

static void not_startable(struct given given, const char *text) {
  assert_true(check(given) < 0);
  if (!strstr(errors.data, text))
    fail_msg("no `%s` in: %s", text, errors.data);
}

/* What is kept for a session is queued when its client comes back. */
static void a_session_fits_into_a_queue(void **state) {
  (void)state;
  struct given given = {.mode = CONFIG_DEVELOPMENT,
                        .flags = {"--limits.queue_bytes=32KiB"}};
  assert_int_equal(check(given), 0); /* the default is bounded by it */
  given.flags[1] = "--session.replay_bytes=32KiB";
  assert_int_equal(check(given), 0);
  given.flags[1] = "--session.replay_bytes=33KiB";
  not_startable(given, "session.replay_bytes: 33792 are more than "
                       "limits.queue_bytes, 32768");
}

static void production_needs_a_key(void **state) {
  (void)state;
  struct given given = {.flags = {"--auth.secret=" SECRET_32}};
  not_startable((struct given){0}, "openssl rand -hex 32");
  not_startable((struct given){.flags = {"--auth.secret=secret"}},
                "6 bytes are too short, at least 32");
  assert_int_equal(check(given), 0);
  given.flags[1] = "--auth.algorithm=HS384";
  not_startable(given, "at least 48");
  given.flags[1] = "--auth.algorithm=HS512";
  not_startable(given, "at least 64");
  given.flags[1] = "--auth.algorithm=RS256";
  not_startable(given, "auth.public_key_file");
  given.flags[2] = "--auth.public_key_file=key.pem";
  assert_int_equal(check(given), 0);
}

static void development_warns_of_a_short_key(void **state) {
  (void)state;
  struct given given = {.mode = CONFIG_DEVELOPMENT,
                        .flags = {"--auth.secret=secret"}};
  struct config *cfg = load_ok(given);
  assert_int_equal(config_secret_missing(cfg), 26);
  config_free(cfg);
  assert_int_equal(check(given), 0);
  given.flags[0] = "--auth.algorithm=ES256";
  not_startable(given, "auth.public_key_file");
}

static void other_needs(void **state) {
  (void)state;
  struct given given = {.flags = {"--auth.secret=" SECRET_32, "--listen=80"}};
  not_startable(given, "listen: `80`");
  given.flags[1] = "--tls.cert=a.pem";
  not_startable(given, "tls.key");
  given.flags[1] = "--auth.secret=-----BEGIN PUBLIC KEY-----"
                   "0123456789abcdef";
  not_startable(given, "PEM key");
}

static void machines_need(void **state) {
  (void)state;
  struct given given = {
      .flags = {"--auth.secret=" SECRET_32, "--redis.url=redis://:hush@a:x"}};
  not_startable(given, "redis.url: `a:x` is not");
  assert_null(strstr(errors.data, "hush"));
  given.flags[1] = "--redis.url=redis://a,redis://b";
  not_startable(given, "several stand in redis.shards");
  given.flags[1] = "--redis.url=redis://a";
  given.file = "redis.shards = { 'redis://:hush@b', 'unix:///c' }";
  not_startable(given, "redis.url, redis.shards: give one");
  given.flags[1] = "--node.name=a b";
  not_startable(given, "node.name: `a b`");
  given.flags[1] = "--node.lease_s=2";
  not_startable(given, "node.lease_s: 2 s");
  given.flags[1] = NULL;
  struct config *cfg = load_ok(given);
  struct buf out = {0};
  manual_values(cfg, &out);
  buf_putc(&out, '\0');
  assert_null(strstr(out.data, "hush"));
  assert_non_null(strstr(out.data, "redis://:***@b,unix:///c"));
  assert_string_equal(config_redis_urls(cfg), "redis://:hush@b,unix:///c");
  buf_free(&out);
  config_free(cfg);
}

static void secrets_stay_secret(void **state) {
  (void)state;
  struct buf out = {0};
  struct config *cfg =
      load_ok((struct given){.flags = {"--auth.secret=" SECRET_32}});
  manual_values(cfg, &out);
  buf_putc(&out, '\0');
  assert_null(strstr(out.data, SECRET_32));
  assert_non_null(strstr(out.data, "(set, 32 bytes)"));
  buf_free(&out);
  config_free(cfg);
  not_startable((struct given){.flags = {"--auth.secret=hushhush"}}, "secret");
  assert_null(strstr(errors.data, "hushhush"));
}

/* ---- parts ---- */

static void addresses(void **state) {
  (void)state;
  static const struct {
    const char *text, *host;
    int port;
  } good[] = {{"127.0.0.1:80", "127.0.0.1", 80},
              {"[::1]:8080", "::1", 8080},
              {":0", "", 0},
              {"a-b.example:65535", "a-b.example", 65535}};
  static const char *const bad[] = {
      "",      "80",     "a",    "a:",    "a:x",    "a:65536",
      "a:-1",  "::1:80", "[::1", "[::1]", "[x]:80", "[]:80",
      "a b:1", "a:1 ",   "[:1",  "a]:1",  ":1:1",   "a:000080"};
  char host[32];
  int port;
  for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
    assert_int_equal(address_split(good[i].text, host, sizeof host, &port), 0);
    assert_string_equal(host, good[i].host);
    assert_int_equal(port, good[i].port);
  }
  for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
    if (address_split(bad[i], host, sizeof host, &port) == 0)
      fail_msg("`%s` passes as an address", bad[i]);
  assert_true(address_split("abcd:1", host, 4, &port) < 0);
  assert_int_equal(address_split("abc:1", host, 4, &port), 0);
}

static void durations(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double seconds;
  } good[] = {{"0.2", 0.2}, {"500ms", 0.5}, {"30s", 30},   {"15m", 900},
              {"1h", 3600}, {"7d", 604800}, {"1.5h", 5400}};
  double seconds;
  for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
    assert_int_equal(value_seconds(good[i].text, &seconds), 0);
    assert_true(seconds == good[i].seconds);
  }
  assert_true(value_seconds("", &seconds) < 0);
  assert_true(value_seconds("1 h", &seconds) < 0);
  assert_true(value_seconds("-1", &seconds) < 0);
}

static void distances(void **state) {
  (void)state;
  assert_int_equal(suggest_distance("", ""), 0);
  assert_int_equal(suggest_distance("abc", ""), 3);
  assert_int_equal(suggest_distance("serve", "sevre"), 1);
  assert_int_equal(suggest_distance("kitten", "sitting"), 3);
  assert_int_equal(suggest_distance("ca", "abc"), 3);
}

/* Every default is in its own range, and every option is in the manual. */
static void table_is_consistent(void **state) {
  (void)state;
  struct buf page = {0};
  manual_markdown(&page);
  buf_putc(&page, '\0');
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    const struct option *option = &option_table[i];
    char env[OPTION_ENV_BYTES], cell[80];
    option_env_name(option, env);
    assert_ptr_equal(option_find(option->key), option);
    assert_ptr_equal(option_find_env(env), option);
    snprintf(cell, sizeof cell, "| `%s`", option->key);
    assert_non_null(strstr(page.data, cell));
  }
  buf_free(&page);
#define CHOICE(name) "|" #name
  assert_string_equal(option_table[OPTION_AT_auth_algorithm].choices,
                      &JWT_ALGORITHMS(CHOICE)[1]);
#undef CHOICE
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults),
      cmocka_unit_test(development_defaults),
      cmocka_unit_test(development_keeps_a_given_secret),
      cmocka_unit_test(file_values),
      cmocka_unit_test(file_reads_variables),
      cmocka_unit_test(file_vars_become_json),
      cmocka_unit_test(named_file),
      cmocka_unit_test(later_sources_win),
      cmocka_unit_test(flags),
      cmocka_unit_test(unknown_names),
      cmocka_unit_test(values_out_of_range),
      cmocka_unit_test(numbers_that_are_none),
      cmocka_unit_test(all_mistakes_are_told),
      cmocka_unit_test(broken_files),
      cmocka_unit_test(files_of_other_editors),
      cmocka_unit_test(missing_files),
      cmocka_unit_test(a_session_fits_into_a_queue),
      cmocka_unit_test(production_needs_a_key),
      cmocka_unit_test(development_warns_of_a_short_key),
      cmocka_unit_test(other_needs),
      cmocka_unit_test(machines_need),
      cmocka_unit_test(secrets_stay_secret),
      cmocka_unit_test(addresses),
      cmocka_unit_test(durations),
      cmocka_unit_test(distances),
      cmocka_unit_test(table_is_consistent),
  };
  return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
