/* SPDX-License-Identifier: MIT
 * Which name is on which Redis, and what is sent there and heard of there. */
#include "redis/shards.h"

#include "base/hash.h"
#include "base/mem.h"
#include "config/redis_url.h"
#include "redis/spread.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* One Redis. */
struct shard {
  struct shards *shards;
  size_t place;
  struct link *link;
};

struct shards {
  struct spread *spread; /* a cluster, and nothing of what follows; or NULL */
  const struct shards_events *events;
  void *arg;
  size_t count;
  struct shard list[REDIS_SHARDS_MAX];
  _Atomic uint64_t down; /* a bit for each that is not up */
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

/* --- what the links say --------------------------------------------------- */

static void on_shard_up(void *arg) {
  struct shard *shard = arg;
  struct shards *shards = shard->shards;
  atomic_fetch_and_explicit(&shards->down, ~(UINT64_C(1) << shard->place),
                            memory_order_relaxed);
  shards->events->up(shards->arg);
}

static void on_shard_down(void *arg, const char *why) {
  struct shard *shard = arg;
  struct shards *shards = shard->shards;
  (void)why; /* the link says it */
  atomic_fetch_or_explicit(&shards->down, UINT64_C(1) << shard->place,
                           memory_order_relaxed);
  shards->events->down(shards->arg);
}

static void on_shard_subscribed(void *arg, void *channel_arg) {
  struct shards *shards = ((struct shard *)arg)->shards;
  shards->events->subscribed(shards->arg, channel_arg);
}

static void on_shard_message(void *arg, void *channel_arg,
                             struct slice payload) {
  struct shards *shards = ((struct shard *)arg)->shards;
  shards->events->message(shards->arg, channel_arg, payload);
}

static const struct link_events shard_events = {.up = on_shard_up,
                                                .down = on_shard_down,
                                                .subscribed =
                                                    on_shard_subscribed,
                                                .message = on_shard_message};

/* --- the beginning -------------------------------------------------------- */

static char *shard_url(const char **urls) {
  struct slice url;
  return redis_url_next(urls, &url.at, &url.len) ? mem_strndup(url.at, url.len)
                                                 : NULL;
}

static void discard_url(char *url) {
  explicit_bzero(url, strlen(url));
  mem_free(url);
}

static bool is_cluster(const char *url) {
  struct redis_url parsed;
  struct buf why = {0};
  bool is = redis_url_parse(url, strlen(url), &parsed, &why) == 0;
  is = is && parsed.cluster;
  redis_url_free(&parsed);
  buf_free(&why);
  return is;
}

/* All are looked at before the first one connects. */
static bool check_shards(const char *urls, const char *ca_file,
                         struct buf *why) {
  size_t count = 0, clusters = 0;
  char *url;
  int rc = 0;
  for (; rc == 0 && (url = shard_url(&urls)); count++) {
    rc = link_check(url, ca_file, why);
    clusters += is_cluster(url);
    discard_url(url);
  }
  if (rc == 0 && clusters > 0 && count > 1) {
    buf_puts(why, "a cluster stands alone: it spreads names by itself");
    return false;
  }
  if (rc == 0 && (count == 0 || count > REDIS_SHARDS_MAX))
    buf_printf(why, "name at least one Redis, and at most %d",
               REDIS_SHARDS_MAX);
  return rc == 0 && count > 0 && count <= REDIS_SHARDS_MAX;
}

static void add_shard(struct shards *shards, uv_loop_t *loop,
                      struct link_options *options, struct buf *why) {
  struct shard *shard = &shards->list[shards->count];
  *shard = (struct shard){.shards = shards, .place = shards->count};
  options->arg = shard;
  shard->link = link_new(loop, options, why);
  if (shard->link)
    shards->count++;
}

static void add_url(struct shards *shards, uv_loop_t *loop, const char *url,
                    const struct shards_options *options, struct buf *why) {
  struct link_options link = options->link;
  if (is_cluster(url)) {
    shards->spread = spread_new(loop, url, options);
    return;
  }
  link.url = url;
  link.events = &shard_events;
  add_shard(shards, loop, &link, why);
}

struct shards *shards_new(uv_loop_t *loop, const struct shards_options *options,
                          struct buf *why) {
  const char *urls = options->urls;
  char *url;
  if (!check_shards(urls, options->link.ca_file, why))
    return NULL;
  struct shards *shards = mem_alloc(sizeof *shards);
  shards->events = options->events;
  shards->arg = options->arg;
  while ((url = shard_url(&urls))) {
    add_url(shards, loop, url, options, why);
    discard_url(url);
  }
  atomic_init(&shards->down, shards->count < 64
                                 ? (UINT64_C(1) << shards->count) - 1
                                 : UINT64_MAX);
  return shards;
}

/* --- use ------------------------------------------------------------------ */

size_t shards_find(const struct shards *shards, const char *name, size_t len) {
  if (shards && shards->spread)
    return spread_find(name, len);
  return !shards || shards->count == 1 ? 0
                                       : shards_place(name, len, shards->count);
}

bool shards_are_slots(const struct shards *shards) {
  return shards && shards->spread;
}

bool shards_is_there(const struct shards *shards, size_t place) {
  if (!shards)
    return false;
  if (shards->spread)
    return spread_is_there(shards->spread, place);
  uint64_t down = atomic_load_explicit(&shards->down, memory_order_relaxed);
  return !(down >> place & 1);
}

size_t shards_home(const struct shards *shards, size_t place) {
  return shards->spread ? spread_home(shards->spread, place) : place;
}

bool shards_are_whole(const struct shards *shards) {
  if (shards->spread)
    return spread_is_whole(shards->spread);
  return atomic_load_explicit(&shards->down, memory_order_relaxed) == 0;
}

int shards_command(struct shards *shards, size_t place,
                   const struct slice *words, size_t count,
                   link_answer_fn *done, void *arg) {
  if (shards->spread)
    return spread_command(shards->spread, place, words, count, done, arg);
  return link_command(shards->list[place].link, words, count, done, arg);
}

int shards_command_at(struct shards *shards, size_t at,
                      const struct slice *words, size_t count,
                      link_answer_fn *done, void *arg) {
  if (shards->spread)
    return spread_command_at(shards->spread, at, words, count, done, arg);
  return link_command(shards->list[at].link, words, count, done, arg);
}

/* In a list, a subscription is that of the link. */
struct shards_channel *shards_subscribe(struct shards *shards, size_t place,
                                        struct slice name, void *channel_arg) {
  if (shards->spread)
    return spread_subscribe(shards->spread, place, name, channel_arg);
  return (struct shards_channel *)link_subscribe(shards->list[place].link, name,
                                                 channel_arg);
}

void shards_unsubscribe(struct shards *shards, struct shards_channel *channel) {
  if (shards->spread)
    spread_unsubscribe(channel);
  else
    link_unsubscribe((struct link_channel *)channel);
}

size_t shards_count(const struct shards *shards) {
  return shards->spread ? spread_count(shards->spread) : shards->count;
}

struct link_status shards_status(const struct shards *shards, size_t at) {
  return shards->spread ? spread_status(shards->spread, at)
                        : link_status(shards->list[at].link);
}

const struct link_counters *shards_counters(const struct shards *shards,
                                            size_t at) {
  return shards->spread ? spread_counters(shards->spread, at)
                        : link_counters(shards->list[at].link);
}

/* --- the end -------------------------------------------------------------- */

void shards_close(struct shards *shards) {
  if (shards && shards->spread)
    spread_close(shards->spread);
  for (size_t i = 0; shards && i < shards->count; i++)
    link_close(shards->list[i].link);
}

void shards_free(struct shards *shards) {
  if (shards && shards->spread)
    spread_free(shards->spread);
  for (size_t i = 0; shards && i < shards->count; i++)
    link_free(shards->list[i].link);
  mem_free(shards);
}
