/* SPDX-License-Identifier: MIT
 * Loads the configuration: defaults, file, environment, flags. */
#include "config/config.h"

#include "base/mem.h"
#include "config/address.h"
#include "config/file.h"
#include "config/suggest.h"
#include "config/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <uv.h>

/* Bytes of auth.secret for HS256, HS384, HS512: those of the hash. */
static const size_t secret_bytes[] = {32, 48, 64};

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
                    CONFIG_DEFAULT);
  }
  load->cfg->vars_json = mem_strdup("{}");
  load->cfg->unset_env = mem_strdup("");
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
  if (file.unset.len) {
    mem_free(load->cfg->unset_env);
    load->cfg->unset_env = mem_strndup(file.unset.data, file.unset.len);
  }
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

/* A key that ends with the process: tokens of one run are worthless in the
 * next, which is right for trying things out and for nothing else. */
static void make_secret(struct load *load, size_t at, const char *before) {
  const struct option *option = &option_table[at];
  unsigned char bytes[32];
  char text[32 + 2 * sizeof bytes + 1];
  size_t len = (size_t)snprintf(text, 32, "%s", before);
  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
    buf_printf(load->errors, "%s: no random bytes to make one\n", option->key);
    return;
  }
  for (size_t i = 0; i < sizeof bytes; i++)
    snprintf(text + len + 2 * i, 3, "%02x", bytes[i]);
  set_option_from(load, option, text, CONFIG_MADE);
  explicit_bzero(bytes, sizeof bytes);
  explicit_bzero(text, sizeof text);
}

static void make_secrets(struct load *load) {
  const struct config *cfg = load->cfg;
  if (config_uses_secret(cfg) && cfg->auth_secret[0] == '\0' &&
      cfg->auth_secret_file[0] == '\0')
    make_secret(load, OPTION_AT_auth_secret, "");
  if (cfg->api_keys[0] == '\0') /* for the console */
    make_secret(load, OPTION_AT_api_keys, "development:");
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
  if (args->mode == CONFIG_DEVELOPMENT)
    make_secrets(&load);
  if (errors->len == before)
    return cfg;
  config_free(cfg);
  return NULL;
}

/* --- what follows from the options -------------------------------------- */

bool config_uses_secret(const struct config *cfg) {
  return (size_t)cfg->auth_algorithm < ARRAY_SIZE(secret_bytes);
}

/* Its bytes are counted when they are read, by auth/key. */
static bool is_base64(const struct config *cfg) {
  return strncmp(cfg->auth_secret, "base64:", strlen("base64:")) == 0;
}

size_t config_secret_bytes(const struct config *cfg) {
  return config_uses_secret(cfg) ? secret_bytes[cfg->auth_algorithm] : 0;
}

const char *config_redis_urls(const struct config *cfg) {
  return *cfg->redis_shards ? cfg->redis_shards : cfg->redis_url;
}

size_t config_secret_missing(const struct config *cfg) {
  if (!config_uses_secret(cfg) || !cfg->auth_secret[0] || is_base64(cfg))
    return 0;
  size_t want = secret_bytes[cfg->auth_algorithm];
  size_t have = strlen(cfg->auth_secret);
  return have < want ? want - have : 0;
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

bool config_gives_tokens(const struct config *cfg) {
  return cfg->dev_tokens == DEV_TOKENS_ANYONE || address_is_local(cfg->listen);
}

/* --- holders ------------------------------------------------------------ */

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
  mem_free(cfg->unset_env);
  mem_free(cfg);
}
