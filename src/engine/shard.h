/* SPDX-License-Identifier: MIT
 * A part of the rooms of engine/memory, behind one lock.
 *
 * A room is in the shard that its name's hash says. What happens in a room
 * happens under this lock, the posting of letters included: so its numbers are
 * given, and reach every worker, in one order. Nothing here waits. */
#ifndef ENGINE_SHARD_H
#define ENGINE_SHARD_H

#include "engine/channel.h"
#include "engine/once.h"

#include <uv.h>

enum { SHARDS = 64, SHARD_ERAS = 64 };

/* No room of the shard has anything to lose. */
#define SHARD_NOTHING UINT64_MAX

/* What all shards share. */
struct shard_common {
  struct bus *bus;
  int workers;
  size_t max_bytes;
  bool follows;            /* eras and numbers come from elsewhere */
  _Atomic size_t bytes;    /* of what may be lost, and of ids */
  _Atomic size_t id_bytes; /* of these: ids */
};

struct shard {
  uv_mutex_t lock;
  struct shard_common *common;
  struct channel *channels;
  struct list all; /* channel->all */
  struct list use; /* channel->use: the one used longest ago is first */
  struct once once;
  _Atomic uint64_t oldest_ns; /* of the first of `use`; or SHARD_NOTHING */
  uint32_t rooms;
  uint64_t messages, published, repeated, evicted;
  uint64_t eras[SHARD_ERAS]; /* losses of rooms, by a part of their hash */
};

void shard_init(struct shard *shard, struct shard_common *common);
void shard_free(struct shard *shard);

/* All the following are called under the lock. `hash` is hash_bytes of the
 * room's name. Clocks are the engine's. */

/* The era in which a room's counting begins that has no channel. */
uint64_t shard_era(const struct shard *shard, uint32_t hash);

/* The room's channel, without what is too old; NULL if there is none. */
struct channel *shard_find(struct shard *shard, const char *room, size_t len,
                           uint32_t hash, uint64_t now_ms);

/* The same; makes it if there is none. */
struct channel *shard_ensure(struct shard *shard, const char *room, size_t len,
                             uint32_t hash, uint64_t now_ms);

/* Something was done with the channel. It may be gone afterwards. */
void shard_recount(struct shard *shard, struct channel *channel,
                   uint64_t now_ns);

/* The same, and it counts as a use of the room. */
void shard_used(struct shard *shard, struct channel *channel, uint64_t now_ns);

/* Everything of the room is lost; its workers are told. The channel may be gone
 * afterwards. Of one that follows others only what is kept goes, and what comes
 * next is still theirs to say. */
void shard_lose(struct shard *shard, struct channel *channel, uint64_t now_ns);

/* Posts to the workers that are inside, but `except` (-1: none). A letter with
 * a frame that is left out makes the worker one that is behind. Returns such a
 * worker, or -1. */
int shard_post(struct shard *shard, struct channel *channel,
               struct bus_letter *letter, int except);

/* Whether the id of that name is new. `seq` gets its number if it is not. */
bool shard_is_new(struct shard *shard, const struct once_name *name,
                  uint64_t now_ms, uint64_t *seq);

/* Forgets ids whose time is over. */
void shard_expire_ids(struct shard *shard, uint64_t now_ms);

/* Notes an id that is new. */
void shard_note_id(struct shard *shard, const struct once_name *name,
                   uint64_t seq, uint64_t now_ms);

#endif
