/* SPDX-License-Identifier: MIT
 * Which name is on which Redis, and what is sent there and heard of there.
 *
 * All that belongs to a name (a room, a user) has one place, the same for all
 * machines. In a list of Redis the place is the number of one of them: the
 * highest of the hashes of name and place (rendezvous hashing). So when one is
 * added at the end of the list, it takes its share and all other names stay
 * where they are. The place in the list counts, not the address: all machines
 * must have the same list in the same order. In a cluster the place is a slot,
 * which any of its nodes may have (redis/spread).
 *
 * All on the thread of one loop, except where it says so. No callback comes
 * inside the call that has asked for it. Callbacks may call anything here, but
 * shards_free. */
#ifndef REDIS_SHARDS_H
#define REDIS_SHARDS_H

#include "redis/link.h"

struct shards;
struct shards_channel; /* a subscription, from shards_subscribe on */

enum { SHARDS_TAG_BYTES = 19 };

struct shards_events {
  /* Places are there that were not. */
  void (*up)(void *arg);

  /* Places are not there that were: see shards_is_there. All that waited for an
   * answer has it. No message of a name that is there comes until it was
   * `subscribed` anew. */
  void (*down)(void *arg);

  /* Only in a cluster: the name goes to another place's Redis. What is sent
   * there until it is `subscribed` anew is missed. */
  void (*moved)(void *arg, void *channel_arg);

  /* As link_events. */
  void (*subscribed)(void *arg, void *channel_arg);
  void (*message)(void *arg, void *channel_arg, struct slice payload);
};

/* Borrowed until shards_new returns, except `events` and what link_options says
 * of its own. */
struct shards_options {
  const char *urls;         /* several: config/redis_url */
  struct link_options link; /* without `url`, `events` and `arg` */
  const struct shards_events *events;
  void *arg;
};

/* Which of `count` (from 1 on) has the name. */
size_t shards_place(const char *name, size_t len, size_t count);

/* Writes "{" and 16 hexadecimal digits of a hash of the name and "}", with a
 * zero: a key that begins like this is in the same slot of a cluster as all
 * others of the name, whatever bytes the name has. */
void shards_tag(const char *name, size_t len, char out[SHARDS_TAG_BYTES]);

/* Begins to connect to all. NULL, and a line in `why`, when the options cannot
 * be. */
MUST_CHECK struct shards *shards_new(uv_loop_t *loop,
                                     const struct shards_options *options,
                                     struct buf *why);

/* The place of a name; on any thread. NULL: there are none yet. */
size_t shards_find(const struct shards *shards, const char *name, size_t len);

/* Whether commands can be given to it; on any thread, where it may be over at
 * once. Accepts NULL: nothing is there yet. */
bool shards_is_there(const struct shards *shards, size_t place);

/* Which Redis has the place now: another number when another one has. */
size_t shards_home(const struct shards *shards, size_t place);

/* Whether the places are the slots of a cluster. Then all keys and the channel
 * of a name must begin with its tag, and be given with a command for its place;
 * channels are sharded ones (SPUBLISH). On any thread. */
bool shards_are_slots(const struct shards *shards);

/* Whether all are there; on any thread. */
bool shards_are_whole(const struct shards *shards);

/* As link_command, to whoever has the place. What is sent there about one name
 * is done, and answered, in that order. */
MUST_CHECK int shards_command(struct shards *shards, size_t place,
                              const struct slice *words, size_t count,
                              link_answer_fn *done, void *arg);

/* As link_command, to one of shards_count, for what is about no name. */
MUST_CHECK int shards_command_at(struct shards *shards, size_t at,
                                 const struct slice *words, size_t count,
                                 link_answer_fn *done, void *arg);

/* As link_subscribe and link_unsubscribe. */
MUST_CHECK struct shards_channel *shards_subscribe(struct shards *shards,
                                                   size_t place,
                                                   struct slice name,
                                                   void *channel_arg);
/* Accepts NULL for the channel. */
void shards_unsubscribe(struct shards *shards, struct shards_channel *channel);

/* The links there are at the moment, for people; texts are there until the next
 * turn of the loop. */
size_t shards_count(const struct shards *shards);
struct link_status shards_status(const struct shards *shards, size_t at);
const struct link_counters *shards_counters(const struct shards *shards,
                                            size_t at);

/* As link_close and link_free, of all. */
void shards_close(struct shards *shards);
void shards_free(struct shards *shards);

#endif
