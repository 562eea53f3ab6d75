/* SPDX-License-Identifier: MIT
 * Rates of users, over all machines.
 *
 * Each machine counts for itself, and decides at once. Once a second it tells
 * Redis what was taken of each rate, and is answered what all have taken. So a
 * user who is on two machines, or goes from one to the other, has more than one
 * burst for a second at most, and pays it back: what was taken too much is
 * taken off later. While Redis is away each machine counts for itself. */
#include "base/mem.h"
#include "cluster/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS_AT_ONCE = 2000 };

struct leveling {
  struct cluster *cluster;
  size_t what_len;
  char key[]; /* what, a zero, user, a zero */
};

static struct leveling *new_leveling(struct cluster *cluster,
                                     const struct cluster_use *use) {
  size_t what_len = strlen(use->what), user_len = strlen(use->user);
  struct leveling *leveling =
      mem_alloc(sizeof *leveling + what_len + user_len + 2);
  leveling->cluster = cluster;
  leveling->what_len = what_len;
  memcpy(leveling->key, use->what, what_len);
  memcpy(leveling->key + what_len + 1, use->user, user_len);
  return leveling;
}

static void on_leveled(void *arg, enum link_fate fate,
                       const struct reply *reply) {
  struct leveling *leveling = arg;
  struct cluster *cluster = leveling->cluster;
  const struct cluster_rates *rates = &cluster->options.rates;
  if (fate == LINK_ANSWERED && reply->kind == REPLY_TEXT) {
    rates->level(rates->rates, leveling->key,
                 leveling->key + leveling->what_len + 1,
                 strtod(reply->text, NULL), uv_now(&cluster->loop));
    cluster->counters.levels++;
  }
  mem_free(leveling);
}

static void put_level_key(struct buf *out, const struct cluster *cluster,
                          const struct cluster_use *use) {
  char tag[SHARDS_TAG_BYTES];
  size_t len = strlen(use->user);
  shards_tag(use->user, len, tag);
  buf_printf(out, "%s:%s:l:%zu:%s:%s", cluster->options.prefix, tag, len,
             use->user, use->what);
}

static void tell_use(void *arg, const struct cluster_use *use) {
  struct cluster *cluster = arg;
  struct leveling *leveling = new_leveling(cluster, use);
  struct buf key = {0};
  char taken[32], rate[32];
  put_level_key(&key, cluster, use);
  snprintf(taken, sizeof taken, "%.6f", use->taken);
  snprintf(rate, sizeof rate, "%.12g", use->rate);
  const struct slice words[] = {
      word("EVALSHA"), word(cluster->shas[SCRIPT_LEVEL]),
      word("1"),       {key.data, key.len},
      word(taken),     word(rate)};
  size_t place = name_place(cluster, NAME_USER, use->user, strlen(use->user));
  if (shards_command(cluster->shards, place, words, 6, on_leveled, leveling))
    mem_free(leveling);
  buf_free(&key);
}

void level_tick(struct cluster *cluster) {
  const struct cluster_rates *rates = &cluster->options.rates;
  if (rates->rates)
    rates->each_use(rates->rates, LEVELS_AT_ONCE, tell_use, cluster);
}
