/* SPDX-License-Identifier: MIT
 * The URLs of Redis, as text: where it is, who we are there.
 *
 *   redis://user:password@host:6379/0     rediss://… the same over TLS
 *   unix:///run/redis.sock                unix://:password@/run/redis.sock?db=1
 *   redis+sentinel://user:password@a:26379,b:26379/mymaster/0
 *   redis+cluster://user:password@a:6379,b:6379    rediss+cluster://…
 *
 * User and password may have %XX in them. Several URLs stand in one text with a
 * comma between them: one begins where a comma is followed by `word://`. */
#ifndef CONFIG_REDIS_URL_H
#define CONFIG_REDIS_URL_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum {
  REDIS_PORT = 6379,
  REDIS_SENTINEL_PORT = 26379,
  REDIS_HOSTS_MAX = 16, /* in one URL */
  REDIS_SHARDS_MAX = 64 /* URLs in one text */
};

struct redis_host {
  char *name; /* or an address, without brackets */
  int port;
};

struct redis_url {
  bool tls;
  char *path;                               /* of a Unix socket; NULL: none */
  struct redis_host hosts[REDIS_HOSTS_MAX]; /* one; or the Sentinels, or some
                                             * nodes of a cluster */
  size_t host_count;
  bool cluster;          /* `hosts` are nodes of one */
  char *master;          /* its name for the Sentinels; NULL: none */
  char *user, *password; /* NULL: none */
  int db;
};

/* Reads one URL. ERR_CONFIG, and in `why` what is wrong, without any part of
 * the password; then there is nothing to free. */
MUST_CHECK int redis_url_parse(const char *text, size_t len,
                               struct redis_url *url, struct buf *why);

/* Frees what it holds; passwords are wiped. */
void redis_url_free(struct redis_url *url);

/* Finds the next URL in a text with several: moves `*at` behind it. False at
 * the end. */
bool redis_url_next(const char **at, const char **url, size_t *len);

/* Appends the text with `***` for each password. */
void redis_url_print(const char *text, struct buf *out);

#endif
