/* SPDX-License-Identifier: MIT
 * The effective configuration of the process.
 *
 * One table, options.def, has every option: key, type, default, range and
 * help. From it come struct config (config/option), the loader, --help,
 * `perigee config` and docs/configuration.md. There are four sources, and a
 * later one wins: defaults, the file perigee.cfg.lua, PERIGEE_* variables,
 * flags.
 *
 * A configuration is a snapshot. Once loaded it is read-only: a reload loads
 * another one. Threads share it, and it is counted. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/attr.h"
#include "base/buf.h"
#include "config/option.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* The file that is read when none is named and it exists. */
#define CONFIG_FILE "perigee.cfg.lua"

/* Where a value comes from that nobody has given; and such a secret. */
#define CONFIG_DEFAULT "default"

#define CONFIG_MADE "made for this run"

enum config_mode { CONFIG_PRODUCTION, CONFIG_DEVELOPMENT };

struct config_args {
  enum config_mode mode;
  int argc; /* flags only: neither the program nor the command */
  char *const *argv;
  char *const *env; /* "NAME=value" … NULL; usually environ */
};

/* Reads all sources. Returns the configuration, with the caller as its one
 * holder; or NULL, with a line in `errors` for every mistake. In development
 * mode, when the algorithm is an HS one and there is no key, a secret is made
 * up. */
MUST_CHECK struct config *config_load(const struct config_args *args,
                                      struct buf *errors);

/* Returns the option `workers` as a number, or 0 when it is neither a number
 * from 1 to CONFIG_WORKERS_MAX nor "auto". */
enum { CONFIG_WORKERS_MAX = 256 };
int config_workers(const struct config *cfg);

/* Whether there are other machines, and where they meet. */
enum config_engine { CONFIG_ENGINE_MEMORY, CONFIG_ENGINE_REDIS };

/* The URLs of redis.shards, or that of redis.url. */
const char *config_redis_urls(const struct config *cfg);

/* Returns how many bytes auth.secret is too short; 0 when it is long enough or
 * not used. check_config refuses a short secret in production only: in
 * development mode the caller should warn. */
size_t config_secret_missing(const struct config *cfg);

/* Whether development mode gives tokens to whoever asks: when only this machine
 * can ask, or when dev.tokens says so. */
enum dev_tokens { DEV_TOKENS_LOCAL, DEV_TOKENS_ANYONE };
bool config_gives_tokens(const struct config *cfg);

/* Whether tokens are signed with a secret: auth.algorithm is an HS one. */
bool config_uses_secret(const struct config *cfg);

/* Returns how many bytes the secret must have, wherever it comes from; 0 when
 * the algorithm has no secret. */
size_t config_secret_bytes(const struct config *cfg);

/* Adds a holder, and returns the configuration. By any thread. */
const struct config *config_ref(const struct config *cfg);

/* Takes a holder away. The last one frees it, and secrets are wiped. By any
 * thread. Accepts NULL. */
void config_free(const struct config *held);

#endif
