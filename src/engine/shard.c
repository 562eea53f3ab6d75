/* SPDX-License-Identifier: MIT
 * Rooms behind a lock.
 *
 * A channel is there while workers are in its room, or while something of it
 * may be missed. When it goes, and had given numbers, the next one of that room
 * must begin another era. Nothing can be kept for that about each room that
 * ever was. So losses are counted for many rooms together, by hash: the count
 * is the era of a room that begins. It has grown if that room was lost, and may
 * have grown for another one: then a client is told that it might have missed
 * something, and has not. Rooms to which nothing was ever sent begin again in
 * the same era as long as no other one was lost, and cost nothing meanwhile. */
#include "engine/shard.h"

#include "base/mem.h"

#include <string.h>

enum {
  /* What a channel costs besides what is kept: a share of the table, malloc. */
  CHANNEL_COST = sizeof(struct channel) + 32,
  MS = 1000000,
};

void shard_init(struct shard *shard, struct shard_common *common) {
  uv_mutex_init(&shard->lock);
  shard->common = common;
  list_init(&shard->all);
  list_init(&shard->use);
  once_init(&shard->once);
  atomic_init(&shard->oldest_ns, SHARD_NOTHING);
}

void shard_free(struct shard *shard) {
  struct channel *channel = NULL, *next = NULL;
  HASH_ITER (hh, shard->channels, channel, next) {
    HASH_DEL(shard->channels, channel);
    channel_free(channel);
  }
  once_clear(&shard->once);
  uv_mutex_destroy(&shard->lock);
}

/* --- eras --------------------------------------------------------------- */

/* The lowest bits choose the bucket of the table, the highest ones the shard.
 */
static size_t era_index(uint32_t hash) {
  return hash >> 16 & (SHARD_ERAS - 1);
}

uint64_t shard_era(const struct shard *shard, uint32_t hash) {
  if (shard->common->follows)
    return 0; /* before all others */
  return shard->eras[era_index(hash)] + 1;
}

static uint64_t next_era(struct shard *shard, uint32_t hash) {
  shard->eras[era_index(hash)]++;
  return shard_era(shard, hash);
}

/* --- channels ----------------------------------------------------------- */

static size_t channel_cost(const struct channel *channel) {
  if (channel->at.seq == 0)
    return 0; /* nothing to lose: it goes with its last member */
  return CHANNEL_COST + channel->hh.keylen + kept_cost(&channel->kept);
}

static void note_oldest(struct shard *shard) {
  uint64_t oldest = SHARD_NOTHING;
  if (!list_empty(&shard->use))
    oldest = container_of(shard->use.next, struct channel, use)->used_ns;
  atomic_store_explicit(&shard->oldest_ns, oldest, memory_order_relaxed);
}

/* Takes what it costs, and its messages, out of all counts. */
static void uncount_channel(struct shard *shard, struct channel *channel) {
  atomic_fetch_sub_explicit(&shard->common->bytes, channel->cost,
                            memory_order_relaxed);
  shard->messages -= channel->counted;
  channel->cost = 0;
  channel->counted = 0;
}

static void drop_channel(struct shard *shard, struct channel *channel) {
  if (channel->at.seq > 0)
    (void)next_era(shard, channel->hh.hashv);
  uncount_channel(shard, channel);
  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is in the table
  HASH_DEL(shard->channels, channel);
  shard->rooms--;
  channel_free(channel);
  note_oldest(shard);
}

struct channel *shard_find(struct shard *shard, const char *room, size_t len,
                           uint32_t hash, uint64_t now_ms) {
  struct channel *channel;
  HASH_FIND_BYHASHVALUE(hh, shard->channels, room, len, hash, channel);
  if (!channel)
    return NULL;
  channel_trim(channel, now_ms);
  if (!channel_is_over(channel, now_ms))
    return channel;
  drop_channel(shard, channel);
  return NULL;
}

struct channel *shard_ensure(struct shard *shard, const char *room, size_t len,
                             uint32_t hash, uint64_t now_ms) {
  struct channel *channel = shard_find(shard, room, len, hash, now_ms);
  if (channel)
    return channel;
  channel = channel_new(room, len, shard_era(shard, hash));
  HASH_ADD_KEYPTR_BYHASHVALUE(hh, shard->channels, channel->name, len, hash,
                              channel);
  list_push(&shard->all, &channel->all);
  shard->rooms++;
  return channel;
}

void shard_recount(struct shard *shard, struct channel *channel,
                   uint64_t now_ns) {
  if (channel_is_over(channel, now_ns / MS)) {
    drop_channel(shard, channel);
    return;
  }
  uncount_channel(shard, channel);
  channel->cost = channel_cost(channel);
  channel->counted = channel->kept.count;
  shard->messages += channel->counted;
  atomic_fetch_add_explicit(&shard->common->bytes, channel->cost,
                            memory_order_relaxed);
  if (channel->at.seq == 0)
    list_remove(&channel->use);
  note_oldest(shard);
}

void shard_used(struct shard *shard, struct channel *channel, uint64_t now_ns) {
  channel->used_ns = now_ns;
  list_remove(&channel->use);
  list_push(&shard->use, &channel->use);
  shard_recount(shard, channel, now_ns);
}

void shard_lose(struct shard *shard, struct channel *channel, uint64_t now_ns) {
  if (shard->common->follows) {
    channel_empty(channel);
    list_remove(&channel->use);
    shard_recount(shard, channel, now_ns);
    return;
  }
  channel_lose(channel, next_era(shard, channel->hh.hashv));
  struct bus_letter letter = {.what = BUS_ERA};
  (void)shard_post(shard, channel, &letter, -1);
  shard_recount(shard, channel, now_ns);
}

/* --- letters ------------------------------------------------------------ */

/* It gets no more messages until it has read, and one letter about that. */
static void leave_behind(struct bus *bus, struct channel *channel, int worker,
                         const struct bus_letter *left_out) {
  struct bus_letter letter = *left_out;
  letter.what = BUS_BEHIND;
  letter.frame = NULL;
  letter.seq = left_out->seq - 1;
  worker_set_add(&channel->behind, worker);
  (void)bus_post(bus, worker, &letter); /* false: that worker has ended */
}

int shard_post(struct shard *shard, struct channel *channel,
               struct bus_letter *letter, int except) {
  const struct shard_common *common = shard->common;
  int left_out = -1;
  letter->to = BUS_ROOM;
  letter->target = channel->name;
  letter->target_len = channel->hh.keylen;
  letter->era = channel->at.era;
  letter->seq = channel->at.seq;
  for (int i = 0; i < common->workers; i++) {
    bool wanted = i != except && worker_set_has(&channel->inside, i);
    if (!wanted || (letter->frame && worker_set_has(&channel->behind, i)))
      continue;
    if (bus_post(common->bus, i, letter) || !letter->frame)
      continue;
    leave_behind(common->bus, channel, i, letter);
    left_out = i;
  }
  return left_out;
}

/* --- ids ---------------------------------------------------------------- */

/* What was done to the shard's ids, for the sums. */
static void recount_ids(struct shard *shard, size_t before) {
  struct shard_common *common = shard->common;
  size_t change = shard->once.bytes - before; /* wraps when it is less */
  atomic_fetch_add_explicit(&common->bytes, change, memory_order_relaxed);
  atomic_fetch_add_explicit(&common->id_bytes, change, memory_order_relaxed);
}

bool shard_is_new(struct shard *shard, const struct once_name *name,
                  uint64_t now_ms, uint64_t *seq) {
  size_t before = shard->once.bytes;
  bool known = once_find(&shard->once, name, now_ms, seq);
  recount_ids(shard, before);
  shard->repeated += known;
  return !known;
}

void shard_expire_ids(struct shard *shard, uint64_t now_ms) {
  size_t before = shard->once.bytes;
  once_expire(&shard->once, now_ms);
  recount_ids(shard, before);
}

void shard_note_id(struct shard *shard, const struct once_name *name,
                   uint64_t seq, uint64_t now_ms) {
  struct shard_common *common = shard->common;
  size_t before = shard->once.bytes;
  size_t all = atomic_load_explicit(&common->id_bytes, memory_order_relaxed);
  once_expire(&shard->once, now_ms);
  /* Ids may need a quarter of the memory: the oldest ones make place. */
  if (all > common->max_bytes / 4)
    for (int i = 0; i < 2 && !list_empty(&shard->once.order); i++)
      once_drop(&shard->once);
  once_add(&shard->once, name, seq, now_ms);
  recount_ids(shard, before);
}
