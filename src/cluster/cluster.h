/* SPDX-License-Identifier: MIT
 * An engine for several machines, which meet in Redis.
 *
 * Pub/sub carries: a machine subscribes to the channel of each room and each
 * user that somebody here is in, or is. So a message goes only where it has a
 * receiver, and Redis forgets a machine that is dead. Rooms with numbers are
 * kept in Redis, by scripts (lua/redis); this process has a copy of those that
 * it follows (engine/memory_follow), from which its clients are served.
 *
 * One thread has all links to Redis, and talks to the workers by letters. What
 * a worker asks for is an order; the answer comes back to the worker's loop. */
#ifndef CLUSTER_CLUSTER_H
#define CLUSTER_CLUSTER_H

#include "base/buf.h"
#include "engine/bus.h"
#include "engine/engine.h"
#include "engine/presence.h"
#include "redis/link.h"
#include "wire/slice.h"

/* Rates that all machines share: how much was taken here of each, and how much
 * by all. Both are called on the cluster's thread. */
struct cluster_use {
  const char *what, *user;
  double taken, rate; /* a second */
};
typedef void cluster_use_fn(void *arg, const struct cluster_use *use);

struct cluster_rates {
  void *rates; /* NULL: there are none */
  void (*each_use)(void *rates, size_t most, cluster_use_fn *use, void *arg);
  void (*level)(void *rates, const char *what, const char *user, double spent,
                uint64_t now_ms);
};

struct cluster_options {
  const char *urls;          /* as shards_new */
  const char *ca_file;       /* as link_options */
  const char *name;          /* of this machine, for people */
  const char *prefix;        /* of all keys and channels */
  struct presence *presence; /* borrowed; NULL: none is kept */
  uint64_t probe_ms, timeout_ms, lease_ms;
  struct cluster_rates rates;
};

/* An engine for so many workers, which is not connected yet. `bus` and
 * `max_bytes` as memory_new. */
MUST_CHECK struct engine *cluster_new(struct bus *bus, int workers,
                                      size_t max_bytes);

/* Begins to connect, and starts its thread. What the options point to is
 * borrowed until the engine is freed. ERR_CONFIG and a line in `why` if they
 * cannot be. */
MUST_CHECK int cluster_start(struct engine *engine,
                             const struct cluster_options *options,
                             struct buf *why);

/* X(name, help): what is counted from the start. */
#define CLUSTER_COUNTERS(X)                                                    \
  X(sent, "messages for other machines")                                       \
  X(omitted, "messages not sent to Redis, as there was no other machine")      \
  X(unsent, "messages that could not be sent, as Redis was not there")         \
  X(received, "messages of other machines")                                    \
  X(strange, "messages that were not understood: of another version?")         \
  X(left_out, "letters that a worker was too far behind for")                  \
  X(levels, "rates of users that were compared with other machines")           \
  X(fills, "times that what is kept of a room was read from Redis")            \
  X(compared, "times that a room's position was compared with Redis")          \
  X(behind, "of these, rooms that had missed something unnoticed")             \
  X(healed, "messages of rooms that were missed, and had afterwards")          \
  X(lost, "times that what a room missed could not be had: a resync")          \
  X(local, "messages of rooms with numbers for those here only, as Redis was " \
           "away")                                                             \
  X(failed, "publications that Redis refused, or whose fate is unknown")       \
  X(retired, "machines that were found dead, and cleaned up after")            \
  X(store_calls, "calls of the shared store")                                  \
  X(store_failed, "calls of the shared store that Redis did not answer, or "   \
                  "refused")                                                   \
  X(store_raced, "updates of the shared store that others were faster than")

struct cluster_counters {
#define CLUSTER_COUNTER_FIELD(name, help) uint64_t name;
  CLUSTER_COUNTERS(CLUSTER_COUNTER_FIELD)
#undef CLUSTER_COUNTER_FIELD
};

/* One Redis, as it was a second ago at most. */
struct cluster_shard {
  bool up;
  char label[80]; /* in metrics: its number, or its address in a cluster */
  char server[80], why[160];
  uint64_t down_ms; /* for how long; 0: it is up */
  size_t commands, bytes, channels;
  uint64_t round_ns;
  struct link_counters counters;
};

/* A copy of how it stands. `shards` is freed by cluster_look_free. */
struct cluster_look {
  struct cluster_counters counters;
  size_t shard_count;
  struct cluster_shard *shards;
  bool was_up;            /* all of them at once, some time */
  uint32_t other_scripts; /* machines whose scripts are not those from here */
};

void cluster_look(struct engine *engine, struct cluster_look *look);
void cluster_look_free(struct cluster_look *look);

/* `list` is JSON, an array of what machines say of themselves; NULL: Redis is
 * not there. On the cluster's thread. */
typedef void cluster_nodes_fn(void *arg, const struct buf *list);

/* Asks which machines there are. */
void cluster_nodes(struct engine *engine, cluster_nodes_fn *done, void *arg);

/* A print of the scripts that are live here, which stands in that list; 0: not
 * known. On any thread. */
void cluster_show_scripts(struct engine *engine, uint64_t print);

/* --- notices: cluster/notice ------------------------------------------------
 * What machines tell each other, as machines. Each may be lost. */

struct cluster_notice {
  char kind;     /* its sender's choice, as is `about` */
  uint64_t from; /* a machine (cluster_self), and its name */
  uint64_t about;
  struct slice name;
  struct slice text;
};

/* On the cluster's thread; the notice is borrowed until it returns. */
typedef void cluster_notice_fn(void *arg, const struct cluster_notice *notice);

/* `heard` is called from now on, also for what this machine sends to itself. */
void cluster_listen(struct engine *engine, cluster_notice_fn *heard, void *arg);

/* Sends one to that machine; 0: to all, this one too. On any thread. */
void cluster_notify(struct engine *engine, uint64_t to, char kind,
                    uint64_t about, struct slice text);

/* Proposes what is to be decided about that number. All machines get a notice
 * of that kind with the decision: what was proposed first, by whomever. It
 * stands for an hour; propose again if no notice comes. */
void cluster_decide(struct engine *engine, char kind, uint64_t about,
                    struct slice proposal);

/* This machine: its number, which is of this process, and its name. */
uint64_t cluster_self(const struct engine *engine);
const char *cluster_name(const struct engine *engine);

/* Whether all Redis are there now; on any thread. */
bool cluster_is_whole(const struct engine *engine);

#endif
