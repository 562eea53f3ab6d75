/* SPDX-License-Identifier: MIT
 * One room of engine/memory: its counting, what is kept, and which workers are
 * in it. Without locks: the shard that it stands in has one. */
#ifndef ENGINE_CHANNEL_H
#define ENGINE_CHANNEL_H

#include "engine/bus.h"
#include "engine/engine.h"
#include "engine/kept.h"

#include "base/hash.h"

enum { CHANNEL_SET_WORDS = BUS_WORKERS_MAX / 64 };

/* A set of workers. */
struct worker_set {
  uint64_t words[CHANNEL_SET_WORDS];
};

/* Clocks are the engine's: uv_hrtime, in the unit that the name says. */
struct channel {
  UT_hash_handle hh;
  struct list all;  /* in the shard's list of all channels */
  struct list use;  /* in its list of those that have something to lose */
  struct rule rule; /* a copy, of what was heard last */
  uint32_t rules;   /* the number of the rules that it was compared with last;
                     * 0: somebody has bounded it by others since then */
  uint32_t without; /* the number of the last ones that had none for it */
  struct engine_position at;
  uint64_t trimmed; /* the largest number that its bounds have dropped */
  uint64_t
      used_ns; /* when it was last used: published to, or left by a worker */
  size_t cost; /* as it was last counted by the shard, */
  uint32_t counted; /* with so many messages */
  struct kept kept;
  bool followed;            /* its position is that of others, and is known */
  struct worker_set inside; /* they have members */
  struct worker_set behind; /* they were told BUS_BEHIND, and have not read */
  char name[];
};

static inline bool worker_set_has(const struct worker_set *set, int worker) {
  return set->words[worker / 64] >> worker % 64 & 1;
}

static inline void worker_set_add(struct worker_set *set, int worker) {
  set->words[worker / 64] |= UINT64_C(1) << worker % 64;
}

static inline void worker_set_remove(struct worker_set *set, int worker) {
  set->words[worker / 64] &= ~(UINT64_C(1) << worker % 64);
}

bool worker_set_empty(const struct worker_set *set);

/* A channel of that name, whose counting begins in that era. */
MUST_CHECK struct channel *channel_new(const char *name, size_t len,
                                       uint64_t era);

/* Drops what is kept, and frees it. */
void channel_free(struct channel *channel);

/* What is kept is bounded by this rule from now on. */
void channel_bound(struct channel *channel, const struct rule *rule,
                   uint64_t now_ms);

/* Drops what is too old, too much or too many. */
void channel_trim(struct channel *channel, uint64_t now_ms);

/* Whether the next message would be kept for longer than until the next one. */
static inline bool channel_keeps(const struct channel *channel) {
  return channel->rule.messages > 0;
}

/* Keeps the frame of the message of number `channel->at.seq`. */
void channel_keep(struct channel *channel, struct frame *frame,
                  const struct engine_publication *publication,
                  uint64_t now_ms);

/* Nothing of it is known any more; a new era begins. */
void channel_lose(struct channel *channel, uint64_t era);

/* Drops what is kept; its counting goes on. */
void channel_empty(struct channel *channel);

/* Whether nobody would miss it: nobody is inside, nothing is kept, and nobody
 * would come back for that within the time of its rule. */
bool channel_is_over(const struct channel *channel, uint64_t now_ms);

/* What a query finds. The messages are in memory of the caller's, mem_free; it
 * holds a reference for each of their frames. Their `at_ms` is of the engine's
 * clock. `epoch` is the text of the channel's era. */
void channel_read(const struct channel *channel,
                  const struct engine_query *query, const char *epoch,
                  struct engine_answer *answer);

#endif
