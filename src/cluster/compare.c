/* SPDX-License-Identifier: MIT
 * Comparing rooms with Redis, now and then.
 *
 * A room that misses a message learns of it by the next one, whose number is
 * not the one expected. When there is no next one, and the loss was not noticed
 * otherwise (Redis drops messages of a subscriber without a word, somebody
 * deletes keys), nobody would know. So each room with numbers that is followed
 * here is looked at each half minute; with very many rooms, as often as some
 * hundred a second allow.
 *
 * What Redis has may be on its way to us: then it is looked at again a second
 * later. Only when that is not here by then the room is filled anew, which says
 * what is missing and tells the members. */
#include "base/mem.h"
#include "cluster/numbers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUND_S = 30, ROOMS_AT_ONCE = 500 };

struct comparing {
  struct cluster *cluster;
  struct engine_position at; /* where the copy was when Redis was asked */
  size_t len;
  char room[];
};

static bool is_ahead(struct engine_position of, struct engine_position at) {
  return of.era != at.era || of.seq > at.seq;
}

static void use_position(struct name *name, struct engine_position asked_at,
                         struct engine_position there) {
  struct numbers *numbers = name->numbers;
  bool lost = there.era == 0; /* Redis knows nothing of it */
  bool rewound = there.era == asked_at.era && there.seq < asked_at.seq;
  bool second_look = numbers->ahead.era != 0;
  bool still = second_look && is_ahead(numbers->ahead, numbers->at) &&
               is_ahead(there, numbers->at);
  numbers->ahead = (struct engine_position){0, 0};
  rewound |= given_is_past(numbers, there);
  if (lost || rewound || still) {
    name->cluster->counters.behind++;
    numbers_fill(name);
  } else if (!second_look && is_ahead(there, numbers->at)) {
    numbers->ahead = there;
    list_remove(&numbers->in_round);
    list_push(name->cluster->round.next, &numbers->in_round); /* the first */
  }
}

static bool may_compare(const struct name *name) {
  return name->numbers && name->numbers->known && !name->numbers->filling &&
         name->confirmed;
}

static void on_position(void *arg, enum link_fate fate,
                        const struct reply *reply) {
  struct comparing *comparing = arg;
  struct name *name =
      name_find(comparing->cluster, NAME_ROOM, comparing->room, comparing->len);
  if (fate == LINK_ANSWERED && reply->kind == REPLY_LIST && name &&
      may_compare(name)) {
    struct reply era = reply_at(reply, 0), seq = reply_at(reply, 1);
    struct engine_position there = {0};
    if (era.kind == REPLY_TEXT && seq.kind == REPLY_TEXT)
      there = (struct engine_position){strtoull(era.text, NULL, 16),
                                       strtoull(seq.text, NULL, 10)};
    use_position(name, comparing->at, there);
  }
  mem_free(comparing);
}

/* That the room is followed keeps its position from expiring. */
static void compare_room(struct name *name) {
  struct cluster *cluster = name->cluster;
  struct room_keys keys = {0};
  const struct rule *rule = &name->numbers->rule;
  char hash_s[24];
  struct comparing *comparing = mem_alloc(sizeof *comparing + name->len + 1);
  comparing->cluster = cluster;
  comparing->at = name->numbers->at;
  comparing->len = name->len;
  memcpy(comparing->room, name_text(name), name->len);
  room_keys_put(&keys, cluster, name_text(name), name->len, rule->latest);
  snprintf(hash_s, sizeof hash_s, "%" PRIu64, rule_hash_s(rule));
  const struct slice read[] = {word("HMGET"), keys.hash, word("e"), word("o")};
  const struct slice keep[] = {word("EXPIRE"), keys.hash, word(hash_s)};
  if (shards_command(cluster->shards, name->place, read, 4, on_position,
                     comparing))
    mem_free(comparing);
  else if (shards_command(cluster->shards, name->place, keep, 3, NULL, NULL))
    cluster->counters.unsent++;
  cluster->counters.compared++;
  buf_free(&keys.text);
}

void compare_tick(struct cluster *cluster) {
  size_t count = (cluster->round_count + ROUND_S - 1) / ROUND_S;
  if (count > ROOMS_AT_ONCE)
    count = ROOMS_AT_ONCE;
  for (; count > 0; count--) {
    struct numbers *numbers =
        container_of(cluster->round.next, struct numbers, in_round);
    list_remove(&numbers->in_round);
    list_push(&cluster->round, &numbers->in_round);
    if (!may_compare(numbers->name))
      continue;
    if (numbers->owes || numbers->refused)
      numbers_fill(numbers->name);
    else
      compare_room(numbers->name);
  }
}
