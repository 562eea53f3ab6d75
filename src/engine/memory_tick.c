/* SPDX-License-Identifier: MIT
 * What goes from engine/memory with time, or because rules have changed. */
#include "engine/memory_tick.h"

enum {
  MS = 1000000,    /* nanoseconds */
  TICK_SHARDS = 4, /* looked through by one tick: all of them in 16 */
  TICK_ROOMS = 256 /* looked at while nobody else gets the lock */
};

void memory_set_rules(struct engine *engine, struct rules *rules) {
  struct memory *memory = memory_of(engine);
  uv_mutex_lock(&memory->rules_lock);
  struct rules *before = memory->rules;
  memory->rules = rules_ref(rules);
  memory->rules_number++;
  uv_mutex_unlock(&memory->rules_lock);
  rules_unref(before);
}

/* Rules of one moment. */
struct rules_now {
  struct rules *rules; /* held */
  uint32_t number;
};

static struct rules_now hold_rules(struct memory *memory) {
  uv_mutex_lock(&memory->rules_lock);
  struct rules_now now = {rules_ref(memory->rules), memory->rules_number};
  uv_mutex_unlock(&memory->rules_lock);
  return now;
}

struct rules *memory_hold_rules(struct engine *engine) {
  return hold_rules(memory_of(engine)).rules;
}

/* A rule that is gone keeps nothing. But as long as a worker is inside, these
 * may be old rules, and that worker may know of the next ones: so this is done
 * when the channel is looked at again. */
static void apply_rules(struct channel *channel, const struct rules_now *now,
                        uint64_t now_ms) {
  static const struct rule nothing = {0};
  const struct rule *rule =
      rules_find(now->rules, channel->name, channel->hh.keylen);
  bool numbered = rule && rule->numbered;
  bool sure = numbered || worker_set_empty(&channel->inside) ||
              channel->without == now->number;
  if (!numbered)
    channel->without = now->number;
  if (sure) {
    channel_bound(channel, numbered ? rule : &nothing, now_ms);
    channel->rules = now->number;
  }
}

static void look_at_channel(struct shard *shard, struct channel *channel,
                            const struct rules_now *now) {
  uint64_t now_ns = uv_hrtime();
  if (channel->rules != now->number)
    apply_rules(channel, now, now_ns / MS);
  channel_trim(channel, now_ns / MS);
  shard_recount(shard, channel, now_ns);
}

/* Looks at the next rooms; returns how many. */
static uint32_t look_at_some(struct shard *shard, uint32_t most,
                             const struct rules_now *now) {
  uint32_t seen = 0;
  uv_mutex_lock(&shard->lock);
  while (seen < most && seen < TICK_ROOMS && !list_empty(&shard->all)) {
    struct list *node = list_shift(&shard->all);
    list_push(&shard->all, node);
    look_at_channel(shard, container_of(node, struct channel, all), now);
    seen++;
  }
  shard_expire_ids(shard, uv_hrtime() / MS);
  uv_mutex_unlock(&shard->lock);
  return seen;
}

static uint32_t count_rooms(struct shard *shard) {
  uv_mutex_lock(&shard->lock);
  uint32_t rooms = shard->rooms;
  uv_mutex_unlock(&shard->lock);
  return rooms;
}

void memory_tick(struct engine *engine) {
  struct memory *memory = memory_of(engine);
  struct rules_now now = hold_rules(memory);
  for (int i = 0; i < TICK_SHARDS; i++) {
    struct shard *shard = &memory->shards[memory->tick_shard++ % SHARDS];
    uint32_t rest = count_rooms(shard), seen;
    do {
      seen = look_at_some(shard, rest, &now);
      rest -= seen;
    } while (seen > 0 && rest > 0);
  }
  rules_unref(now.rules);
}
