/* SPDX-License-Identifier: MIT
 * Whether the options that are for several machines can be used. */
#include "config/check_machines.h"

#include "base/err.h"
#include "config/redis_url.h"

#include <string.h>

enum { NODE_NAME_BYTES = 64, REDIS_PREFIX_BYTES = 32, PROBES_OF_LEASE = 3 };

static const char name_chars[] = "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:";

static void check_url(const struct config *cfg, enum option_index at,
                      const char *url, size_t len, struct buf *errors) {
  struct redis_url parsed = {0};
  struct buf why = {0};
  int rc = redis_url_parse(url, len, &parsed, &why);
  if (rc == 0 && parsed.cluster && at == OPTION_AT_redis_shards) {
    rc = ERR_CONFIG;
    buf_puts(&why, "a cluster spreads rooms and users by itself: write it in "
                   "redis.url, alone");
  }
  redis_url_free(&parsed);
  if (rc < 0)
    buf_printf(errors, "%s: %.*s (%s)\n", option_table[at].key, (int)why.len,
               why.data, cfg->from[at]);
  buf_free(&why);
}

static size_t check_urls(const struct config *cfg, enum option_index at,
                         const char *text, struct buf *errors) {
  const char *url;
  size_t len, count = 0;
  for (; redis_url_next(&text, &url, &len); count++)
    check_url(cfg, at, url, len, errors);
  return count;
}

static void check_servers(const struct config *cfg, struct buf *errors) {
  size_t shards =
      check_urls(cfg, OPTION_AT_redis_shards, cfg->redis_shards, errors);
  size_t count = check_urls(cfg, OPTION_AT_redis_url, cfg->redis_url, errors);
  if (shards > REDIS_SHARDS_MAX)
    buf_printf(errors, "redis.shards: %zu are too many: %d at most\n", shards,
               REDIS_SHARDS_MAX);
  if (shards > 0 && strcmp(cfg->from[OPTION_AT_redis_url], "default") != 0)
    buf_puts(errors, "redis.url, redis.shards: give one of them\n");
  else if (shards == 0 && count != 1)
    buf_printf(errors,
               "redis.url: it names %zu servers: several stand in "
               "redis.shards\n",
               count);
}

/* Both stand in keys, and in what CLIENT LIST shows. */
static void check_name(const char *key, const char *name, size_t max,
                       struct buf *errors) {
  size_t len = strlen(name);
  if (strspn(name, name_chars) < len || len > max)
    buf_printf(errors,
               "%s: `%s` is no name: write letters, digits and `-_.:`, %zu at "
               "most\n",
               key, name, max);
}

static void check_store(const struct config *cfg, struct buf *errors) {
  if (cfg->store_shared && cfg->engine != CONFIG_ENGINE_REDIS)
    buf_printf(errors,
               "store.shared: machines share it in Redis: it needs engine = "
               "\"redis\" (%s)\n",
               cfg->from[OPTION_AT_store_shared]);
}

void check_machines(const struct config *cfg, struct buf *errors) {
  check_servers(cfg, errors);
  check_store(cfg, errors);
  check_name("node.name", cfg->node_name, NODE_NAME_BYTES, errors);
  check_name("redis.prefix", cfg->redis_prefix, REDIS_PREFIX_BYTES, errors);
  if (!*cfg->redis_prefix)
    buf_puts(errors, "redis.prefix: it may not be empty\n");
  if (cfg->node_lease_s < cfg->redis_probe_s * PROBES_OF_LEASE)
    buf_printf(errors,
               "node.lease_s: %g s are too short: at least %d times "
               "redis.probe_s (%g), or one slow answer ends a machine\n",
               cfg->node_lease_s, PROBES_OF_LEASE, cfg->redis_probe_s);
}
