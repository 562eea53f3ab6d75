/* SPDX-License-Identifier: MIT
 * The eras of rooms with numbers: how one is named, and how it is ended. */
#include "base/mem.h"
#include "cluster/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

int64_t unix_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Milliseconds, so that eras grow, and behind them 20 bits that no other
 * machine is likely to take. */
uint64_t new_era(struct cluster *cluster, uint64_t after) {
  uint32_t random = 0;
  (void)getrandom(&random, sizeof random, GRND_NONBLOCK);
  uint64_t era = (uint64_t)unix_ms() << 20 | (random & 0xfffff);
  if (era <= after)
    era = after + 1 + (random & 0xff);
  if (era <= cluster->eras)
    era = cluster->eras + 1;
  cluster->eras = era;
  return era;
}

void renew_room(struct cluster *cluster, const char *room, size_t len,
                const struct rule *rule, uint64_t era, uint64_t after) {
  struct room_keys keys = {0};
  struct buf channel = {0};
  char old[20] = "", next[20], hash_s[24];
  size_t place = name_place(cluster, NAME_ROOM, room, len);
  room_keys_put(&keys, cluster, room, len, rule->latest);
  channel_put(&channel, cluster, NAME_ROOM, room, len);
  if (era)
    snprintf(old, sizeof old, "%" PRIx64, era);
  snprintf(next, sizeof next, "%" PRIx64,
           new_era(cluster, after > era ? after : era));
  snprintf(hash_s, sizeof hash_s, "%" PRIu64, rule_hash_s(rule));
  const struct slice words[] = {word("EVALSHA"),
                                word(cluster->shas[SCRIPT_RENEW]),
                                word("2"),
                                keys.kept,
                                keys.hash,
                                word(old),
                                word(next),
                                word(hash_s),
                                {channel.data, channel.len}};
  if (shards_command(cluster->shards, place, words, 9, NULL, NULL))
    cluster->counters.unsent++;
  buf_free(&keys.text);
  buf_free(&channel);
}

/* --- forgetting ----------------------------------------------------------- */

struct forget_order {
  struct order order;
  size_t room_len;
  char room[];
};

static void free_forget_order(struct order *order) {
  mem_free(container_of(order, struct forget_order, order));
}

static void run_forget(struct cluster *cluster, struct order *order) {
  struct forget_order *forget = container_of(order, struct forget_order, order);
  struct rules *rules = engine_hold_rules(cluster->copy);
  const struct rule *rule = rules_find(rules, forget->room, forget->room_len);
  if (rule && rule->numbered)
    renew_room(cluster, forget->room, forget->room_len, rule, 0, 0);
  rules_unref(rules);
  free_forget_order(order);
}

void forget_room(struct engine *engine, const char *room, size_t len) {
  struct forget_order *forget = mem_alloc(sizeof *forget + len + 1);
  forget->order.run = run_forget;
  forget->order.drop = free_forget_order;
  forget->room_len = len;
  memcpy(forget->room, room, len);
  order_post_take(cluster_of(engine), &forget->order);
}
