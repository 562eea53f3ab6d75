/* SPDX-License-Identifier: MIT
 * Loads the configuration: defaults, file, environment, flags. */
#include "config/config.h"

#include "base/err.h"
#include "base/mem.h"
#include "config/file.h"
#include "config/suggest.h"
#include "config/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <uv.h>

/* Bytes of auth.secret for HS256, HS384, HS512: those of the hash. */
static const size_t secret_bytes[] = {32, 48, 64};

/* raw.path: nothing that a request could write in another way. */
enum {
  SUBPROTOCOL_BYTES = 64,
  RAW_PATH_BYTES = 200,
  UNIX_PATH_BYTES = 108 /* of the kernel */
};
static const char path_chars[] = "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~/";

struct load {
  struct config *cfg;
  const struct config_args *args;
  struct buf *errors; /* grows with each mistake */
};

static void set_option_from(struct load *load, const struct option *option,
                            const char *text, const char *from) {
  struct buf why = {0};
  if (value_set(load->cfg, option, text, &why) == 0) {
    char **place = &load->cfg->from[option - option_table];
    mem_free(*place);
    *place = mem_strdup(from);
  } else {
    buf_printf(load->errors, "%s: `%s` is `%s`: it %.*s\n", from, option->key,
               text, (int)why.len, why.data);
  }
  buf_free(&why);
}

/* `prefix` is "--" for flags, else "". */
static void unknown_option(struct load *load, const char *from,
                           const char *prefix, const char *key) {
  struct suggest suggest = {.typed = key};
  for (size_t i = 0; i < OPTION_COUNT; i++)
    suggest_try(&suggest, option_table[i].key);
  buf_printf(load->errors, "%s: unknown option `%s%s`", from, prefix, key);
  if (suggest.best)
    buf_printf(load->errors, ", did you mean `%s%s`?", prefix, suggest.best);
  buf_putc(load->errors, '\n');
}

static void load_defaults(struct load *load) {
  bool development = load->args->mode == CONFIG_DEVELOPMENT;
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    const struct option *option = &option_table[i];
    set_option_from(load, option, option_default(option, development),
                    "default");
  }
  load->cfg->vars_json = mem_strdup("{}");
}

static void use_entries(struct load *load, const char *path,
                        const struct file *file) {
  for (size_t i = 0; i < file->count; i++) {
    const struct file_entry *entry = &file->entries[i];
    const struct option *option = option_find(entry->key);
    struct buf from = {0};
    buf_printf(&from, "%s:%d", path, entry->line);
    buf_putc(&from, '\0');
    if (option)
      set_option_from(load, option, entry->text, from.data);
    else
      unknown_option(load, from.data, "", entry->key);
    buf_free(&from);
  }
  if (file->vars.len > 0) {
    mem_free(load->cfg->vars_json);
    load->cfg->vars_json = mem_strndup(file->vars.data, file->vars.len);
  }
}

/* The value of a flag: after "=", or the next argument, which is then used
 * up; NULL when there is none. */
static const char *flag_value(const struct config_args *args, int *at,
                              const char *equals) {
  if (equals)
    return equals + 1;
  if (*at + 1 >= args->argc || strncmp(args->argv[*at + 1], "--", 2) == 0)
    return NULL;
  return args->argv[++*at];
}

/* The file to read, and whether it must exist. */
static const char *file_path(const struct config_args *args, bool *named) {
  const char *path = NULL;
  for (int i = 0; i < args->argc; i++) {
    const char *flag = args->argv[i];
    size_t len = strcspn(flag, "=");
    if (len == strlen("--config") && strncmp(flag, "--config", len) == 0)
      path = flag_value(args, &i, flag[len] ? flag + len : NULL);
  }
  if (!path)
    path = file_env(args->env, "PERIGEE_CONFIG");
  *named = path && path[0];
  return *named ? path : CONFIG_FILE;
}

static void load_file(struct load *load) {
  bool named;
  const char *path = file_path(load->args, &named);
  struct buf text = {0};
  struct file file = {0};
  if (!named && access(path, F_OK) < 0 && errno == ENOENT)
    return;
  int result = file_read(path, &text, load->errors);
  if (result == 0)
    result = file_parse(&file, path, text.data, text.len, load->args->env,
                        load->errors);
  if (result < 0)
    buf_putc(load->errors, '\n');
  use_entries(load, path, &file);
  file_free(&file);
  buf_free(&text);
}

/* Others set variables of that prefix too: Kubernetes makes PERIGEE_PORT and
 * more for a service of that name. So only what looks like a mistyped option
 * is a mistake. */
static void unknown_variable(struct load *load, const char *name) {
  char known[OPTION_COUNT][OPTION_ENV_BYTES];
  const size_t prefix = strlen("PERIGEE_");
  struct suggest suggest = {.typed = name + prefix};
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    option_env_name(&option_table[i], known[i]);
    suggest_try(&suggest, known[i] + prefix);
  }
  if (suggest.best)
    buf_printf(
        load->errors,
        "environment: unknown variable `%s`, did you mean `PERIGEE_%s`?\n",
        name, suggest.best);
}

static void load_environment(struct load *load) {
  for (char *const *env = load->args->env; env && *env; env++) {
    size_t len = strcspn(*env, "=");
    if (strncmp(*env, "PERIGEE_", strlen("PERIGEE_")) != 0 || !(*env)[len])
      continue;
    char *name = mem_strndup(*env, len);
    const struct option *option = option_find_env(name);
    if (option)
      set_option_from(load, option, *env + len + 1, name);
    else if (strcmp(name, "PERIGEE_CONFIG") != 0)
      unknown_variable(load, name);
    mem_free(name);
  }
}

/* --watch and --no-watch; false when `key` is no bare switch. */
static bool load_switch(struct load *load, const char *key) {
  bool off = strncmp(key, "no-", 3) == 0;
  const struct option *option = option_find(off ? key + 3 : key);
  if (!option || option->type != OPTION_BOOL)
    return false;
  set_option_from(load, option, off ? "false" : "true", "flag");
  return true;
}

/* Reads the flag at argv[*at]; moves *at to the last argument it used. */
static void load_flag(struct load *load, int *at) {
  const char *flag = load->args->argv[*at];
  if (strncmp(flag, "--", 2) != 0) {
    buf_printf(load->errors, "flag: unexpected argument `%s`\n", flag);
    return;
  }
  size_t len = strcspn(flag + 2, "=");
  const char *equals = flag[2 + len] ? flag + 2 + len : NULL;
  char *key = mem_strndup(flag + 2, len);
  const struct option *option = option_find(key);
  if (!equals && load_switch(load, key))
    goto out;
  if (!option && strcmp(key, "config") != 0) {
    unknown_option(load, "flag", "--", key);
    goto out;
  }
  const char *value = flag_value(load->args, at, equals);
  if (!value)
    buf_printf(load->errors, "flag: `--%s` needs a value\n", key);
  else if (option)
    set_option_from(load, option, value, "flag");
out:
  mem_free(key);
}

static void load_flags(struct load *load) {
  for (int i = 0; i < load->args->argc; i++)
    load_flag(load, &i);
}

static bool uses_secret(const struct config *cfg) {
  return (size_t)cfg->auth_algorithm < ARRAY_SIZE(secret_bytes);
}

static bool has_key_set(const struct config *cfg) {
  return cfg->auth_jwks_url[0] || cfg->auth_jwks_file[0];
}

/* Its bytes are counted when they are read, by auth/key. */
static bool is_base64(const struct config *cfg) {
  return strncmp(cfg->auth_secret, "base64:", strlen("base64:")) == 0;
}

/* A key that ends with the process: tokens of one run are worthless in the
 * next, which is right for trying things out and for nothing else. */
static void make_secret(struct load *load) {
  unsigned char bytes[32];
  char hex[2 * sizeof bytes + 1];
  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
    buf_puts(load->errors, "auth.secret: no random bytes to make one\n");
    return;
  }
  for (size_t i = 0; i < sizeof bytes; i++)
    snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
  set_option_from(load, &option_table[OPTION_AT_auth_secret], hex, CONFIG_MADE);
  explicit_bzero(bytes, sizeof bytes);
  explicit_bzero(hex, sizeof hex);
}

struct config *config_load(const struct config_args *args, struct buf *errors) {
  size_t before = errors->len;
  struct config *cfg = mem_alloc(sizeof *cfg);
  cfg->refs = 1;
  struct load load = {cfg, args, errors};
  load_defaults(&load);
  load_file(&load);
  load_environment(&load);
  load_flags(&load);
  if (args->mode == CONFIG_DEVELOPMENT && uses_secret(cfg) &&
      cfg->auth_secret[0] == '\0' && cfg->auth_secret_file[0] == '\0')
    make_secret(&load);
  if (errors->len == before)
    return cfg;
  config_free(cfg);
  return NULL;
}

size_t config_secret_bytes(const struct config *cfg) {
  return uses_secret(cfg) ? secret_bytes[cfg->auth_algorithm] : 0;
}

size_t config_secret_missing(const struct config *cfg) {
  if (!uses_secret(cfg) || !cfg->auth_secret[0] || is_base64(cfg))
    return 0;
  size_t want = secret_bytes[cfg->auth_algorithm];
  size_t have = strlen(cfg->auth_secret);
  return have < want ? want - have : 0;
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

static void check_auth(const struct config *cfg, enum config_mode mode,
                       struct buf *errors) {
  check_cookie(cfg, mode, errors);
  check_jwks_url(cfg, mode, errors);
  if (uses_secret(cfg))
    check_secret(cfg, mode, errors);
  else if (cfg->auth_public_key_file[0] == '\0' && !has_key_set(cfg))
    buf_puts(errors, "auth.public_key_file: auth.algorithm needs the public "
                     "key that tokens are checked with\n");
}

static void check_address_form(const struct config *cfg, size_t at,
                               const char *value, struct buf *errors) {
  char host[256];
  int port;
  const char *path = config_unix_path(value);
  if (path && strlen(path) >= UNIX_PATH_BYTES)
    buf_printf(errors,
               "%s: `%s` is too long: the path of a Unix socket has %d bytes "
               "at most (%s)\n",
               option_table[at].key, value, UNIX_PATH_BYTES - 1, cfg->from[at]);
  else if (!path && config_split_address(value, host, sizeof host, &port) < 0)
    buf_printf(errors,
               "%s: `%s` is not `host:port`, `[ipv6]:port`, `:port` or "
               "`unix:/path` (%s)\n",
               option_table[at].key, value, cfg->from[at]);
}

int config_workers(const struct config *cfg) {
  const char *text = cfg->workers;
  if (!strcmp(text, "auto")) {
    unsigned cores = uv_available_parallelism();
    return cores < CONFIG_WORKERS_MAX ? (int)cores : CONFIG_WORKERS_MAX;
  }
  size_t len = strlen(text);
  if (len < 1 || len > 3 || strspn(text, "0123456789") != len)
    return 0;
  int count = atoi(text);
  return count <= CONFIG_WORKERS_MAX ? count : 0;
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

int config_check(const struct config *cfg, enum config_mode mode,
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
  return errors->len == before ? 0 : ERR_CONFIG;
}

static bool is_hostname(const char *text) {
  return text[strspn(text, "abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")] == '\0';
}

static int read_port(const char *text, int *port) {
  size_t len = strlen(text);
  if (len < 1 || len > 5 || strspn(text, "0123456789") != len)
    return ERR_CONFIG;
  *port = atoi(text);
  return *port <= 65535 ? 0 : ERR_CONFIG;
}

const char *config_unix_path(const char *address) {
  if (!strncmp(address, "unix:/", 6))
    return address + 5;
  return *address == '/' ? address : NULL;
}

int config_split_address(const char *text, char *host, size_t cap, int *port) {
  struct in6_addr ignored;
  const char *colon = strrchr(text, ':');
  if (!colon)
    return ERR_CONFIG;
  bool bracket = text[0] == '[';
  size_t len = (size_t)(colon - text);
  if (bracket) {
    if (len < 2 || text[len - 1] != ']')
      return ERR_CONFIG;
    text++;
    len -= 2;
  }
  if (len >= cap)
    return ERR_CONFIG;
  memcpy(host, text, len);
  host[len] = '\0';
  if (bracket ? inet_pton(AF_INET6, host, &ignored) != 1 : !is_hostname(host))
    return ERR_CONFIG;
  return read_port(colon + 1, port);
}

bool config_is_local(const char *address) {
  char host[256];
  struct in_addr ipv4;
  int port;
  if (config_unix_path(address))
    return true;
  if (config_split_address(address, host, sizeof host, &port) < 0)
    return false;
  if (inet_pton(AF_INET, host, &ipv4) == 1)
    return ntohl(ipv4.s_addr) >> 24 == IN_LOOPBACKNET;
  return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0;
}

bool config_gives_tokens(const struct config *cfg) {
  return cfg->dev_tokens == DEV_TOKENS_ANYONE || config_is_local(cfg->listen);
}

/* That it is counted is no change of it. */
static atomic_uint *refs(const struct config *cfg) {
  return &((struct config *)cfg)->refs;
}

const struct config *config_ref(const struct config *cfg) {
  atomic_fetch_add_explicit(refs(cfg), 1, memory_order_relaxed);
  return cfg;
}

void config_free(const struct config *held) {
  if (!held || atomic_fetch_sub(refs(held), 1) > 1)
    return;
  struct config *cfg = (struct config *)held;
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    value_clear(cfg, &option_table[i]);
    mem_free(cfg->from[i]);
  }
  mem_free(cfg->vars_json);
  mem_free(cfg);
}
