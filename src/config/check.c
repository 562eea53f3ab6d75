/* SPDX-License-Identifier: MIT
 * Whether a server may start with a configuration. */
#include "config/check.h"

#include "base/err.h"
#include "config/address.h"
#include "config/api_keys.h"
#include "config/check_machines.h"
#include "config/collector.h"

#include <ctype.h>
#include <string.h>

/* raw.path: nothing that a request could write in another way. */
enum {
  SUBPROTOCOL_BYTES = 64,
  EVENT_SECRET_BYTES = 32,
  RAW_PATH_BYTES = 200,
  UNIX_PATH_BYTES = 108 /* of the kernel */
};
static const char path_chars[] = "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~/";

static bool has_key_set(const struct config *cfg) {
  return cfg->auth_jwks_url[0] || cfg->auth_jwks_file[0];
}

static void check_secret(const struct config *cfg, enum config_mode mode,
                         struct buf *errors) {
  static const char advice[] =
      "make one with `openssl rand -hex 32` and put it in PERIGEE_AUTH_SECRET";
  size_t len = strlen(cfg->auth_secret);
  if (len > 0 && cfg->auth_secret_file[0])
    buf_puts(errors, "auth.secret, auth.secret_file: give one of them\n");
  else if (len == 0 && (cfg->auth_secret_file[0] || has_key_set(cfg)))
    return;
  else if (len == 0 && cfg->auth_public_key_file[0])
    buf_puts(errors, "auth.public_key_file: auth.algorithm is one that wants a "
                     "secret: set it to that of the key, RS256, ES256, …\n");
  else if (len == 0)
    buf_printf(errors, "auth.secret: no key to check tokens with: %s\n",
               advice);
  else if (strstr(cfg->auth_secret, "-----BEGIN "))
    buf_puts(errors,
             "auth.secret: this is a PEM key: set auth.algorithm to "
             "its RS, ES, PS or EdDSA algorithm and name the public key "
             "in auth.public_key_file\n");
  else if (mode == CONFIG_PRODUCTION && config_secret_missing(cfg) > 0)
    buf_printf(errors,
               "auth.secret: %zu bytes are too short, at least %zu are "
               "needed: %s\n",
               len, len + config_secret_missing(cfg), advice);
}

/* "*", "https://" "*": a page of whoever likes. */
static bool is_any_origin(const char *origin) {
  const char *host = strstr(origin, "://");
  return strcmp(host ? host + 3 : origin, "*") == 0;
}

/* A browser sends its user's cookies for any page that connects here. */
static void check_cookie(const struct config *cfg, enum config_mode mode,
                         struct buf *errors) {
  if (strpbrk(cfg->auth_cookie, "=;, \t\""))
    buf_printf(errors, "auth.cookie: `%s` is not the name of a cookie\n",
               cfg->auth_cookie);
  for (char **origin = cfg->origins; *origin; origin++)
    if (mode == CONFIG_PRODUCTION && cfg->auth_cookie[0] &&
        is_any_origin(*origin))
      buf_printf(errors,
                 "auth.cookie, origins: with `%s` any page could connect as "
                 "whoever looks at it: list your own origins\n",
                 *origin);
}

/* An entry that no `Origin` can ever match. */
static bool is_origin(const char *text) {
  const char *host = strstr(text, "://");
  const char *star = strchr(text, '*');
  if (strcmp(text, "*") == 0 || strcmp(text, "null") == 0)
    return true;
  return host && host > text && host[3] && !strpbrk(host + 3, "/?# ") &&
         !(star && strchr(star + 1, '*'));
}

static void check_origins(const struct config *cfg, struct buf *errors) {
  for (char **origin = cfg->origins; *origin; origin++)
    if (!is_origin(*origin))
      buf_printf(errors,
                 "origins: `%s` is not what a browser sends: write "
                 "`https://app.example.com`, without a path, or "
                 "`https://*.example.com`\n",
                 *origin);
}

/* Who can change what comes over plain HTTP can make any token. */
static void check_jwks_url(const struct config *cfg, enum config_mode mode,
                           struct buf *errors) {
  static const char *const near[] = {"localhost", "127.0.0.1", "[::1]"};
  const char *url = cfg->auth_jwks_url;
  if (!*url || !strncmp(url, "https://", strlen("https://")))
    return;
  if (strncmp(url, "http://", strlen("http://")) != 0) {
    buf_printf(errors, "auth.jwks_url: `%s` is no https:// address\n", url);
    return;
  }
  const char *host = url + strlen("http://");
  for (size_t i = 0; i < ARRAY_SIZE(near); i++) {
    size_t len = strlen(near[i]);
    if (!strncmp(host, near[i], len) && (!host[len] || strchr(":/", host[len])))
      return;
  }
  if (mode == CONFIG_PRODUCTION)
    buf_printf(errors,
               "auth.jwks_url: `%s` is not encrypted: whoever is on the way "
               "could make any token; use https://\n",
               url);
}

/* The reason, most often, why there is no key. */
static void say_unset(const struct config *cfg, struct buf *errors) {
  if (cfg->unset_env[0])
    buf_printf(errors, "env: these variables are not set: %s\n",
               cfg->unset_env);
}

static bool has_no_key(const struct config *cfg) {
  return !cfg->auth_secret[0] && !cfg->auth_secret_file[0] &&
         !cfg->auth_public_key_file[0] && !has_key_set(cfg);
}

static void check_auth(const struct config *cfg, enum config_mode mode,
                       struct buf *errors) {
  check_cookie(cfg, mode, errors);
  check_jwks_url(cfg, mode, errors);
  if (config_uses_secret(cfg))
    check_secret(cfg, mode, errors);
  else if (cfg->auth_public_key_file[0] == '\0' && !has_key_set(cfg))
    buf_puts(errors, "auth.public_key_file: auth.algorithm needs the public "
                     "key that tokens are checked with\n");
  if (has_no_key(cfg))
    say_unset(cfg, errors);
}

static void check_address_form(const struct config *cfg, size_t at,
                               const char *value, struct buf *errors) {
  char host[256];
  int port;
  const char *path = address_unix_path(value);
  if (path && strlen(path) >= UNIX_PATH_BYTES)
    buf_printf(errors,
               "%s: `%s` is too long: the path of a Unix socket has %d bytes "
               "at most (%s)\n",
               option_table[at].key, value, UNIX_PATH_BYTES - 1, cfg->from[at]);
  else if (!path && address_split(value, host, sizeof host, &port) < 0)
    buf_printf(errors,
               "%s: `%s` is not `host:port`, `[ipv6]:port`, `:port` or "
               "`unix:/path` (%s)\n",
               option_table[at].key, value, cfg->from[at]);
}

/* RFC 6455, 4.1: what the list of a header can hold. */
static void check_subprotocols(const struct config *cfg, struct buf *errors) {
  static const char also[] = "!#$%&'*+-.^_`|~";
  for (char **name = cfg->subprotocols; *name; name++) {
    size_t len = strlen(*name), good = 0;
    while (isalnum((unsigned char)(*name)[good]) ||
           ((*name)[good] && strchr(also, (*name)[good])))
      good++;
    if (good < len || len > SUBPROTOCOL_BYTES)
      buf_printf(errors,
                 "subprotocols: `%s` is no name like `chat.v1`: write letters, "
                 "digits and `-._`, %d at most\n",
                 *name, SUBPROTOCOL_BYTES);
  }
}

static void check_workers(const struct config *cfg, struct buf *errors) {
  if (config_workers(cfg) == 0)
    buf_printf(errors,
               "workers: `%s` is neither a number from 1 to %d nor `auto` "
               "(%s)\n",
               cfg->workers, CONFIG_WORKERS_MAX, cfg->from[OPTION_AT_workers]);
}

static void check_raw_path(const struct config *cfg, struct buf *errors) {
  const char *path = cfg->raw_path;
  size_t len = strlen(path);
  if (len == 0)
    return;
  if (strcmp(path, "/ws") == 0)
    buf_puts(errors, "raw.path: at `/ws` JSON is spoken: take another path\n");
  else if (*path != '/' || len > RAW_PATH_BYTES ||
           strspn(path, path_chars) < len || strstr(path, "//") ||
           strstr(path, "/.") || path[len - 1] == '/')
    buf_printf(errors,
               "raw.path: `%s` is not a path like `/raw`: write `/` and then "
               "letters, digits and `-_.~/`, not `/` at the end\n",
               path);
}

/* All that is kept is queued at one go when its client comes back. */
static void check_replay(const struct config *cfg, struct buf *errors) {
  const char *from = cfg->from[OPTION_AT_session_replay_bytes];
  if (cfg->session_replay_bytes > cfg->limits_queue_bytes &&
      strcmp(from, CONFIG_DEFAULT) != 0)
    buf_printf(errors,
               "session.replay_bytes: %zu are more than limits.queue_bytes, "
               "%zu: what is kept for a session has to fit into the queue of "
               "its client: keep less, or raise limits.queue_bytes (%s)\n",
               cfg->session_replay_bytes, cfg->limits_queue_bytes, from);
}

static void check_api(const struct config *cfg, struct buf *errors) {
  api_keys_check(cfg->api_keys, errors);
  if (!*cfg->api_listen)
    return;
  check_address_form(cfg, OPTION_AT_api_listen, cfg->api_listen, errors);
  if (!*cfg->api_keys)
    buf_puts(errors, "api.listen: nobody could use it without api.keys\n");
}

static void check_event_url(const char *url, struct buf *errors) {
  if (strncmp(url, "https://", strlen("https://")) != 0 &&
      strncmp(url, "http://", strlen("http://")) != 0)
    buf_printf(errors,
               "events.url: `%s` is no https:// or http:// address, nor `-`\n",
               url);
  else if (strchr(url, '@') || strchr(url, '#'))
    buf_puts(errors, "events.url: no user, no password and no `#` in it: "
                     "events.secret signs what is sent\n");
}

static void check_event_types(const struct config *cfg, struct buf *errors) {
  if (!*cfg->events_types)
    buf_puts(errors, "events.types: nothing is chosen: `*` is all, and without "
                     "events.url there are no events\n");
  for (char **type = cfg->events_types; *type; type++) {
    const char *star = strchr(*type, '*');
    if (star && star[1])
      buf_printf(errors,
                 "events.types: `%s`: a `*` stands at the end, `order.*`, or "
                 "alone\n",
                 *type);
  }
}

static void check_events(const struct config *cfg, enum config_mode mode,
                         struct buf *errors) {
  size_t len = strlen(cfg->events_secret);
  if (!*cfg->events_url)
    return;
  check_event_types(cfg, errors);
  if (!*cfg->events_file)
    buf_puts(errors, "events.file: events need a file to wait in\n");
  if (!strcmp(cfg->events_url, "-"))
    return;
  check_event_url(cfg->events_url, errors);
  if (len > 0 ? len < EVENT_SECRET_BYTES : mode == CONFIG_PRODUCTION)
    buf_printf(errors,
               "events.secret: at least %d bytes are needed, so that the "
               "backend knows who asks: make one with `openssl rand -hex 32`, "
               "and put it in PERIGEE_EVENTS_SECRET\n",
               EVENT_SECRET_BYTES);
}

int check_config(const struct config *cfg, enum config_mode mode,
                 struct buf *errors) {
  size_t before = errors->len;
  check_workers(cfg, errors);
  check_address_form(cfg, OPTION_AT_listen, cfg->listen, errors);
  if (*cfg->admin_listen)
    check_address_form(cfg, OPTION_AT_admin_listen, cfg->admin_listen, errors);
  if (!cfg->tls_cert[0] != !cfg->tls_key[0])
    buf_puts(errors, "tls.cert, tls.key: one of them is missing\n");
  check_origins(cfg, errors);
  check_raw_path(cfg, errors);
  check_subprotocols(cfg, errors);
  check_auth(cfg, mode, errors);
  check_replay(cfg, errors);
  check_api(cfg, errors);
  check_machines(cfg, errors);
  check_events(cfg, mode, errors);
  collector_check(cfg, errors);
  return errors->len == before ? 0 : ERR_CONFIG;
}
