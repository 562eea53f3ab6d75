/* SPDX-License-Identifier: MIT
 * Several links, each to a Redis of its own, and which name is on which.
 *
 * All that belongs to a name (a room, a user) is on one of them, the same for
 * all machines: the highest of the hashes of name and place (rendezvous
 * hashing). So when one is added at the end of the list, it takes its share
 * and all other names stay where they are. The place in the list counts, not
 * the address: all machines must have the same list in the same order. */
#ifndef REDIS_SHARDS_H
#define REDIS_SHARDS_H

#include "redis/link.h"

struct shards;

enum { SHARDS_TAG_BYTES = 19 };

/* Which of `count` (from 1 on) has the name. */
size_t shards_place(const char *name, size_t len, size_t count);

/* Writes "{" and 16 hexadecimal digits of a hash of the name and "}", with a
 * zero: a key that begins like this is in the same slot of a cluster as all
 * others of the name, whatever bytes the name has. */
void shards_tag(const char *name, size_t len, char out[SHARDS_TAG_BYTES]);

/* A link for each of the URLs (config/redis_url), otherwise like link_new.
 * `options->url` is not read. `args` has one of link_options.arg for each. */
MUST_CHECK struct shards *shards_new(uv_loop_t *loop, const char *urls,
                                     const struct link_options *options,
                                     void *const *args, struct buf *why);

size_t shards_count(const struct shards *shards);
struct link *shards_link(const struct shards *shards, size_t place);

/* The one that has the name. */
struct link *shards_of(const struct shards *shards, const char *name,
                       size_t len);

/* As link_close and link_free, of all. */
void shards_close(struct shards *shards);
void shards_free(struct shards *shards);

#endif
