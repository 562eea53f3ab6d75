/* SPDX-License-Identifier: MIT
 * Histories that follow others. */
#include "engine/memory_follow.h"

#include "engine/memory_state.h"

enum { MS = 1000000 };

struct engine *memory_new_follower(struct bus *bus, int workers,
                                   size_t max_bytes) {
  struct engine *engine = memory_new(bus, workers, max_bytes);
  memory_of(engine)->common.follows = true;
  return engine;
}

/* When it was published, by the engine's clock: no later than now, whatever the
 * clock of that machine says. */
static uint64_t engine_time(struct memory *memory, int64_t at_ms,
                            uint64_t now_ms) {
  int64_t engine_ms = at_ms - memory_clocks_apart(memory);
  if (engine_ms < 0)
    return 0;
  return (uint64_t)engine_ms < now_ms ? (uint64_t)engine_ms : now_ms;
}

static struct channel *channel_for(struct shard *shard, const char *room,
                                   size_t len, const struct rule *rule,
                                   uint64_t now_ms) {
  struct channel *channel =
      shard_ensure(shard, room, len, hash_bytes(room, len), now_ms);
  channel_bound(channel, rule, now_ms);
  return channel;
}

/* Puts it behind all that is kept. */
static void keep_message(struct memory *memory, struct channel *channel,
                         const struct memory_message *message,
                         uint64_t now_ms) {
  struct engine_publication publication = {.key = message->key,
                                           .key_len = message->key_len};
  channel->at = message->at;
  channel_keep(channel, message->frame, &publication,
               engine_time(memory, message->at_ms, now_ms));
}

int memory_take(struct engine *engine, const struct memory_message *message) {
  struct memory *memory = memory_of(engine);
  uint64_t now_ns = uv_hrtime();
  struct shard *shard =
      memory_lock_shard(memory, hash_bytes(message->room, message->room_len));
  struct channel *channel = channel_for(shard, message->room, message->room_len,
                                        message->rule, now_ns / MS);
  struct bus_letter letter = {.what = BUS_SEND,
                              .frame = message->frame,
                              .except = message->except,
                              .drop = message->drop};
  keep_message(memory, channel, message, now_ns / MS);
  int left_out = shard_post(shard, channel, &letter, -1);
  shard->published++;
  shard_used(shard, channel, now_ns);
  memory_unlock_shard(shard);
  memory_make_room(memory);
  return left_out;
}

void memory_place(struct engine *engine, const struct memory_position *position,
                  const struct memory_message *messages, size_t count) {
  struct memory *memory = memory_of(engine);
  uint64_t now_ns = uv_hrtime();
  struct bus_letter letter = {.what = BUS_ERA};
  struct shard *shard =
      memory_lock_shard(memory, hash_bytes(position->room, position->room_len));
  struct channel *channel = channel_for(
      shard, position->room, position->room_len, position->rule, now_ns / MS);
  channel_lose(channel, position->at.era);
  channel->followed = true;
  if (position->whole)
    channel->trimmed = 0;
  else
    channel->trimmed = count > 0 ? messages[0].at.seq - 1 : position->at.seq;
  for (size_t i = 0; i < count; i++)
    keep_message(memory, channel, &messages[i], now_ns / MS);
  channel->at = position->at;
  (void)shard_post(shard, channel, &letter, -1);
  shard_used(shard, channel, now_ns);
  memory_unlock_shard(shard);
  memory_make_room(memory);
}

void memory_release(struct engine *engine, const char *room, size_t len) {
  uint32_t hash = hash_bytes(room, len);
  uint64_t now_ns = uv_hrtime();
  struct shard *shard = memory_lock_shard(memory_of(engine), hash);
  struct channel *channel = shard_find(shard, room, len, hash, now_ns / MS);
  if (channel) {
    channel->followed = false;
    channel_empty(channel);
    shard_recount(shard, channel, now_ns);
  }
  memory_unlock_shard(shard);
}
