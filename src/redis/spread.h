/* SPDX-License-Identifier: MIT
 * The places of a cluster (redis/shards): its slots, and a link to each master.
 *
 * Slots move from node to node, and nodes come and go. Which of them has a slot
 * is learned from what each node says while the link to it is up, from those of
 * the URL when something is missing, and at once from a node that answers MOVED
 * or takes a channel away. Commands that were refused so are given to the right
 * one, in their order. */
#ifndef REDIS_SPREAD_H
#define REDIS_SPREAD_H

#include "redis/shards.h"

struct spread;

/* As shards_new, for one URL of a cluster, which was checked. */
struct spread *spread_new(uv_loop_t *loop, const char *url,
                          const struct shards_options *options);

/* As what shards_… of the same name says. */
size_t spread_find(const char *name, size_t len);
bool spread_is_there(const struct spread *spread, size_t slot);
size_t spread_home(const struct spread *spread, size_t slot);
bool spread_is_whole(const struct spread *spread);
MUST_CHECK int spread_command(struct spread *spread, size_t slot,
                              const struct slice *words, size_t count,
                              link_answer_fn *done, void *arg);
MUST_CHECK int spread_command_at(struct spread *spread, size_t at,
                                 const struct slice *words, size_t count,
                                 link_answer_fn *done, void *arg);
MUST_CHECK struct shards_channel *spread_subscribe(struct spread *spread,
                                                   size_t slot,
                                                   struct slice name,
                                                   void *channel_arg);
void spread_unsubscribe(struct shards_channel *channel);
size_t spread_count(const struct spread *spread);
struct link_status spread_status(const struct spread *spread, size_t at);
const struct link_counters *spread_counters(const struct spread *spread,
                                            size_t at);
void spread_close(struct spread *spread);
void spread_free(struct spread *spread);

#endif
