/* SPDX-License-Identifier: MIT
 * Histories in memory.
 *
 * Rooms are spread over shards, each with a lock. A publication takes the lock
 * of its room's shard once: under it the message gets its number and becomes a
 * frame, is kept, and is posted to the workers that are in the room.
 *
 * What all rooms keep has one bound. Each shard has its rooms in the order of
 * their last use, and says when its first one was used. When the bound is
 * exceeded, whoever has published looks for the shard with the oldest one, and
 * has it lose it; without holding a lock meanwhile. So the order of all rooms
 * is exact, but for what other threads do at that moment.
 *
 * Time is that of uv_hrtime, so that a clock that is set drops nothing. */
#include "engine/memory.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/memory_follow.h"
#include "engine/memory_read.h"
#include "engine/memory_state.h"
#include "engine/memory_tick.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { MS = 1000000 }; /* nanoseconds */

/* --- shards ------------------------------------------------------------- */

static uint64_t oldest_of(const struct shard *shard) {
  return atomic_load_explicit(&shard->oldest_ns, memory_order_relaxed);
}

/* The shard whose first room was used longest ago; NULL: none has any. */
static struct shard *oldest_shard(struct memory *memory) {
  struct shard *oldest = &memory->shards[0];
  for (int i = 1; i < SHARDS; i++)
    if (oldest_of(&memory->shards[i]) < oldest_of(oldest))
      oldest = &memory->shards[i];
  return oldest_of(oldest) == SHARD_NOTHING ? NULL : oldest;
}

static bool is_over_bound(const struct memory *memory) {
  return atomic_load_explicit(&memory->common.bytes, memory_order_relaxed) >
         memory->common.max_bytes;
}

void memory_make_room(struct memory *memory) {
  struct shard *shard;
  while (is_over_bound(memory) && (shard = oldest_shard(memory))) {
    uv_mutex_lock(&shard->lock);
    if (!list_empty(&shard->use)) {
      shard->evicted++;
      shard_lose(shard, container_of(shard->use.next, struct channel, use),
                 uv_hrtime());
    }
    memory_unlock_shard(shard);
  }
}

/* --- members ------------------------------------------------------------ */

static struct engine_position enter_room(struct engine *engine, int worker,
                                         const char *room, size_t len,
                                         const struct rule *rule) {
  uint32_t hash = hash_bytes(room, len);
  uint64_t now_ns = uv_hrtime();
  struct shard *shard = memory_lock_shard(memory_of(engine), hash);
  struct channel *channel = shard_ensure(shard, room, len, hash, now_ns / MS);
  struct engine_position at = channel->at;
  channel_bound(channel, rule, now_ns / MS);
  worker_set_add(&channel->inside, worker);
  worker_set_remove(&channel->behind, worker);
  shard_recount(shard, channel, now_ns);
  memory_unlock_shard(shard);
  return at;
}

static void exit_room(struct engine *engine, int worker, const char *room,
                      size_t len) {
  uint32_t hash = hash_bytes(room, len);
  uint64_t now_ns = uv_hrtime();
  struct shard *shard = memory_lock_shard(memory_of(engine), hash);
  struct channel *channel = shard_find(shard, room, len, hash, now_ns / MS);
  if (channel) {
    worker_set_remove(&channel->inside, worker);
    worker_set_remove(&channel->behind, worker);
    shard_used(shard, channel, now_ns);
  }
  memory_unlock_shard(shard);
}

/* --- publishing --------------------------------------------------------- */

struct frame *memory_frame(const char *text, size_t len, size_t number_at,
                           uint64_t seq) {
  char number[32];
  int number_len =
      snprintf(number, sizeof number, ",\"seq\":%llu", (unsigned long long)seq);
  const struct slice message = {text, len};
  const struct slice parts[] = {
      {message.at, number_at},
      {number, (size_t)number_len},
      slice_after(message, number_at),
  };
  return frame_new_joined(FRAME_TEXT, parts, 3);
}

static bool may_deliver(const struct channel *channel,
                        const struct engine_publication *publication) {
  const struct engine_position *delivered = &publication->delivered;
  return publication->is_in && delivered->era == channel->at.era &&
         delivered->seq + 1 == channel->at.seq;
}

/* To the workers that are inside, and to the one that publishes. */
static void hand_out(struct shard *shard, struct channel *channel,
                     struct frame *frame,
                     const struct engine_publication *publication,
                     struct engine_result *result) {
  bool direct = may_deliver(channel, publication);
  struct bus_letter letter = {.what = BUS_SEND,
                              .frame = frame,
                              .except = publication->except,
                              .drop = publication->drop};
  result->left_out =
      shard_post(shard, channel, &letter, direct ? publication->worker : -1);
  if (direct)
    result->frame = frame_ref(frame);
}

static void publish_next(struct shard *shard, struct channel *channel,
                         const struct engine_publication *publication,
                         struct engine_result *result, uint64_t now_ns) {
  channel_bound(channel, publication->rule, now_ns / MS);
  channel->at.seq++;
  result->at = channel->at;
  shard->published++;
  struct frame *frame = memory_frame(publication->text, publication->len,
                                     publication->number_at, channel->at.seq);
  channel_keep(channel, frame, publication, now_ns / MS);
  hand_out(shard, channel, frame, publication, result);
  frame_unref(frame);
}

static void publish_to_channel(struct engine *engine,
                               const struct engine_publication *publication,
                               struct engine_result *result) {
  struct memory *memory = memory_of(engine);
  uint32_t hash = hash_bytes(publication->room, publication->room_len);
  uint64_t now_ns = uv_hrtime();
  struct once_name name = {publication->room, publication->room_len,
                           publication->id, publication->id_len};
  *result = (struct engine_result){.left_out = -1};
  struct shard *shard = memory_lock_shard(memory, hash);
  struct channel *channel =
      shard_ensure(shard, name.room, name.room_len, hash, now_ns / MS);
  result->at = channel->at;
  if (name.id && !shard_is_new(shard, &name, now_ns / MS, &result->at.seq)) {
    result->repeated = true;
    shard_recount(shard, channel, now_ns);
  } else {
    publish_next(shard, channel, publication, result, now_ns);
    if (name.id)
      shard_note_id(shard, &name, result->at.seq, now_ns / MS);
    shard_used(shard, channel, now_ns);
  }
  memory_unlock_shard(shard);
  memory_make_room(memory);
}

static bool is_new_id(struct engine *engine, const char *room, size_t len,
                      const char *id, size_t id_len, uint64_t *seq) {
  uint64_t now_ms = uv_hrtime() / MS;
  struct once_name name = {room, len, id, id_len};
  struct shard *shard =
      memory_lock_shard(memory_of(engine), hash_bytes(room, len));
  bool is_new = shard_is_new(shard, &name, now_ms, seq);
  if (is_new)
    shard_note_id(shard, &name, 0, now_ms);
  memory_unlock_shard(shard);
  return is_new;
}

static void lose_room(struct engine *engine, const char *room, size_t len) {
  uint32_t hash = hash_bytes(room, len);
  uint64_t now_ns = uv_hrtime();
  struct shard *shard = memory_lock_shard(memory_of(engine), hash);
  struct channel *channel = shard_find(shard, room, len, hash, now_ns / MS);
  if (channel)
    shard_lose(shard, channel, now_ns);
  memory_unlock_shard(shard);
}

/* --- eras ---------------------------------------------------------------- */

void memory_epoch(const struct engine *engine, uint64_t era,
                  char text[ENGINE_EPOCH_BYTES]) {
  const struct memory *memory = memory_of((struct engine *)engine);
  if (memory->common.follows)
    snprintf(text, ENGINE_EPOCH_BYTES, "%llx", (unsigned long long)era);
  else
    snprintf(text, ENGINE_EPOCH_BYTES, "%s.%llx", memory->prefix,
             (unsigned long long)era);
}

/* --- life --------------------------------------------------------------- */

static struct engine_stats memory_stats(struct engine *engine) {
  struct memory *memory = memory_of(engine);
  struct engine_stats sum = {0};
  for (int i = 0; i < SHARDS; i++) {
    struct shard *shard = &memory->shards[i];
    uv_mutex_lock(&shard->lock);
    sum.rooms += shard->rooms;
    sum.messages += shard->messages;
    sum.published += shard->published;
    sum.repeated += shard->repeated;
    sum.evicted += shard->evicted;
    uv_mutex_unlock(&shard->lock);
  }
  sum.bytes = atomic_load_explicit(&memory->common.bytes, memory_order_relaxed);
  return sum;
}

static void free_memory(struct engine *engine) {
  struct memory *memory = memory_of(engine);
  memory_reads_free(memory);
  for (int i = 0; i < SHARDS; i++)
    shard_free(&memory->shards[i]);
  rules_unref(memory->rules);
  uv_mutex_destroy(&memory->rules_lock);
  mem_free(memory);
}

static const struct engine_ops memory_ops = {.enter = enter_room,
                                             .exit = exit_room,
                                             .publish = publish_to_channel,
                                             .read = memory_read,
                                             .cancel = memory_read_cancel,
                                             .forget = lose_room,
                                             .once = is_new_id,
                                             .epoch = memory_epoch,
                                             .attach = memory_read_attach,
                                             .set_rules = memory_set_rules,
                                             .hold_rules = memory_hold_rules,
                                             .tick = memory_tick,
                                             .stats = memory_stats,
                                             .free = free_memory};

static void make_prefix(char prefix[MEMORY_PREFIX_BYTES]) {
  static const char digits[] = "abcdefghijkmnpqrstuvwxyz23456789";
  unsigned char bytes[MEMORY_PREFIX_BYTES - 1];
  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
    log_error("the system has no random numbers");
    abort();
  }
  for (size_t i = 0; i < sizeof bytes; i++)
    prefix[i] = digits[bytes[i] % (sizeof digits - 1)];
}

struct engine *memory_new(struct bus *bus, int workers, size_t max_bytes) {
  struct memory *memory = mem_alloc(sizeof *memory);
  memory->engine.ops = &memory_ops;
  memory->common = (struct shard_common){
      .bus = bus, .workers = workers, .max_bytes = max_bytes};
  for (int i = 0; i < SHARDS; i++)
    shard_init(&memory->shards[i], &memory->common);
  uv_mutex_init(&memory->rules_lock);
  make_prefix(memory->prefix);
  memory_reads_init(memory);
  return &memory->engine;
}
