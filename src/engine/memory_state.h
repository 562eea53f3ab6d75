/* SPDX-License-Identifier: MIT
 * What engine/memory is made of. For that file and those beside it. */
#ifndef ENGINE_MEMORY_STATE_H
#define ENGINE_MEMORY_STATE_H

#include "engine/shard.h"

enum { MEMORY_PREFIX_BYTES = 9 };

/* Reads of one worker. Only its thread looks here. */
struct memory_reader {
  struct turn *turn;
  struct list reads; /* engine_read->node: not answered yet */
};

struct memory {
  struct engine engine;
  struct shard_common common;
  struct shard shards[SHARDS];
  struct memory_reader *readers; /* by worker */
  uv_mutex_t rules_lock;
  struct rules *rules;              /* under the lock */
  uint32_t rules_number;            /* under the lock: 1, 2, … */
  uint32_t tick_shard;              /* of the thread that ticks */
  _Atomic int64_t apart_ms;         /* see memory_clocks_apart */
  char prefix[MEMORY_PREFIX_BYTES]; /* of epochs: random for each process */
};

static inline struct memory *memory_of(struct engine *engine) {
  return container_of(engine, struct memory, engine);
}

/* The shard of the rooms with that hash, with its lock taken. */
static inline struct shard *memory_lock_shard(struct memory *memory,
                                              uint32_t hash) {
  struct shard *shard = &memory->shards[hash / (UINT32_MAX / SHARDS + 1)];
  uv_mutex_lock(&shard->lock);
  return shard;
}

static inline void memory_unlock_shard(struct shard *shard) {
  uv_mutex_unlock(&shard->lock);
}

/* Loses what was used longest ago, until the bound is kept. Without a lock. */
void memory_make_room(struct memory *memory);

/* As engine_epoch. */
void memory_epoch(const struct engine *engine, uint64_t era,
                  char text[ENGINE_EPOCH_BYTES]);

/* How far the clock of the world is ahead of the engine's, in milliseconds. */
int64_t memory_clocks_apart(struct memory *memory);

#endif
