/* SPDX-License-Identifier: MIT
 * The effective configuration of the process.
 *
 * One table, options.def, has every option: key, type, default, range and
 * help. From it come this struct, the loader, --help, `perigee config` and
 * docs/configuration.md. Sources, later wins: defaults, the file
 * perigee.cfg.lua, PERIGEE_* variables, flags. */
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

/* Where a secret comes from that nobody has given. */
#define CONFIG_MADE "made for this run"

enum config_mode { CONFIG_PRODUCTION, CONFIG_DEVELOPMENT };

/* Read-only once loaded, counted, and shared by threads. Texts and lists belong
 * to it and are never NULL; the field of an option is its key with dots as
 * underscores: cfg->limits_message_bytes. Its C type is OPTION_TYPE_… of
 * option.h. */
struct config {
#define OPTION(key, field, type, value, range, reload, help)                   \
  OPTION_TYPE_##type field;
#define DEVELOPMENT(field, value)
#include "config/options.def"
  char *vars_json;          /* `vars` of the file, a JSON object */
  char *from[OPTION_COUNT]; /* where each value came from, for people */
  atomic_uint refs;         /* holders */
};

struct config_args {
  enum config_mode mode;
  int argc; /* flags only: neither the program nor the command */
  char *const *argv;
  char *const *env; /* "NAME=value" … NULL; usually environ */
};

/* Reads all sources. Returns the configuration, whose one holder is the caller;
 * or NULL, with every mistake that was found as a line in `errors`. In
 * development mode without a key for an HS algorithm, a secret is made up. */
MUST_CHECK struct config *config_load(const struct config_args *args,
                                      struct buf *errors);

/* Whether a server may start with this: what depends on more than one option.
 * Returns 0, or ERR_CONFIG with a line for each reason in `errors`. */
MUST_CHECK int config_check(const struct config *cfg, enum config_mode mode,
                            struct buf *errors);

/* The option `workers` as a number; 0 when it is neither a number from 1 to
 * CONFIG_WORKERS_MAX nor "auto". */
enum { CONFIG_WORKERS_MAX = 256 };
int config_workers(const struct config *cfg);

/* How many bytes auth.secret should have and has not; 0 when it is long
 * enough or not used. config_check refuses a short one in production only:
 * development mode should warn. */
size_t config_secret_missing(const struct config *cfg);

/* Whether development mode gives tokens to whoever asks: only where nobody
 * else can ask, or dev.tokens says so. */
enum dev_tokens { DEV_TOKENS_LOCAL, DEV_TOKENS_ANYONE };
bool config_gives_tokens(const struct config *cfg);

/* Whether only this machine can reach an address of that form. */
bool config_is_local(const char *address);

/* How many bytes the secret must have, wherever it comes from; 0 when the
 * algorithm has none. */
size_t config_secret_bytes(const struct config *cfg);

/* The path of a Unix socket, if the address is one: `unix:/run/p.sock`, or just
 * `/run/p.sock`; NULL for any other. */
const char *config_unix_path(const char *address);

/* Splits "host:port", "[ipv6]:port" or ":port" (empty host: every address).
 * Port 0 means a free one. Returns 0, or ERR_CONFIG when the text has another
 * form or the host does not fit `cap` bytes. */
MUST_CHECK int config_split_address(const char *text, char *host, size_t cap,
                                    int *port);

/* One holder more; returns the configuration. By any thread. */
const struct config *config_ref(const struct config *cfg);

/* One holder less; the last one frees it, and wipes secrets. Accepts NULL. */
void config_free(const struct config *held);

#endif
