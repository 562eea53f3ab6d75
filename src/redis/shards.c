/* SPDX-License-Identifier: MIT
 * Several links, each to a Redis of its own, and which name is on which. */
#include "redis/shards.h"

#include "base/hash.h"
#include "base/mem.h"
#include "config/redis_url.h"

#include <stdio.h>
#include <string.h>

struct shards {
  size_t count;
  struct link *links[REDIS_SHARDS_MAX];
};

/* All machines must come to the same numbers, so these keys are no secret. */
static const struct hash_key shards_name_key = {0x7065726967656531, 1};
static const struct hash_key shards_place_key = {0x7065726967656531, 2};

size_t shards_place(const char *name, size_t len, size_t count) {
  uint64_t pair[2] = {hash_siphash(&shards_name_key, name, len), 0}, best = 0;
  size_t place = 0;
  for (size_t i = 0; i < count; i++) {
    pair[1] = i;
    uint64_t score = hash_siphash(&shards_place_key, pair, sizeof pair);
    if (i == 0 || score > best) {
      best = score;
      place = i;
    }
  }
  return place;
}

void shards_tag(const char *name, size_t len, char out[SHARDS_TAG_BYTES]) {
  snprintf(out, SHARDS_TAG_BYTES, "{%016llx}",
           (unsigned long long)hash_siphash(&shards_name_key, name, len));
}

static char *shard_url(const char **urls) {
  struct slice url;
  return redis_url_next(urls, &url.at, &url.len) ? mem_strndup(url.at, url.len)
                                                 : NULL;
}

static void discard_url(char *url) {
  explicit_bzero(url, strlen(url));
  mem_free(url);
}

/* All are looked at before the first one connects. */
static bool check_shards(const char *urls, const char *ca_file,
                         struct buf *why) {
  size_t count = 0;
  char *url;
  int rc = 0;
  for (; rc == 0 && (url = shard_url(&urls)); count++) {
    rc = link_check(url, ca_file, why);
    discard_url(url);
  }
  if (rc == 0 && (count == 0 || count > REDIS_SHARDS_MAX))
    buf_printf(why, "name at least one Redis, and at most %d",
               REDIS_SHARDS_MAX);
  return rc == 0 && count > 0 && count <= REDIS_SHARDS_MAX;
}

struct shards *shards_new(uv_loop_t *loop, const char *urls,
                          const struct link_options *options, void *const *args,
                          struct buf *why) {
  struct link_options own = *options;
  char *url;
  if (!check_shards(urls, options->ca_file, why))
    return NULL;
  struct shards *shards = mem_alloc(sizeof *shards);
  while ((url = shard_url(&urls))) {
    own.url = url;
    own.arg = args[shards->count];
    struct link *link = link_new(loop, &own, why);
    if (link)
      shards->links[shards->count++] = link;
    discard_url(url);
  }
  return shards;
}

size_t shards_count(const struct shards *shards) {
  return shards->count;
}

struct link *shards_link(const struct shards *shards, size_t place) {
  return shards->links[place];
}

struct link *shards_of(const struct shards *shards, const char *name,
                       size_t len) {
  return shards
      ->links[shards->count == 1 ? 0 : shards_place(name, len, shards->count)];
}

void shards_close(struct shards *shards) {
  for (size_t i = 0; shards && i < shards->count; i++)
    link_close(shards->links[i]);
}

void shards_free(struct shards *shards) {
  for (size_t i = 0; shards && i < shards->count; i++)
    link_free(shards->links[i]);
  mem_free(shards);
}
