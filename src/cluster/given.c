/* SPDX-License-Identifier: MIT
 * What Redis has acknowledged, and nobody here has heard.
 *
 * A replica that takes the master's place may be behind. If it does not have
 * what the master has acknowledged, and no machine has heard of it either, then
 * numbers are given a second time, and nobody would know. Only the machine that
 * had the answer does. So it remembers, for each room, the last publication
 * that was acknowledged, as long as that is not heard; and whenever it learns
 * where Redis is, it looks whether that is still there, or another message in
 * its place. If not, the era is ended, and all members are told.
 *
 * One publication stands for all before it, since a replica has the beginning
 * of what the master had. That is so for one master: what was acknowledged
 * before the last loss of the connection is remembered beside what came after
 * it, until the room was filled.
 *
 * A room that is followed here has it in its numbers. Of others the newest
 * are remembered, for a while: a replica is not behind by more. When the
 * connection to their Redis was lost, or another one has them, they are
 * followed, and so looked at. */
#include "cluster/given.h"
#include "base/mem.h"
#include "cluster/numbers.h"

#include <string.h>

enum { GIVEN_ROOMS = 1000, GIVEN_MS = 30000 };

/* A room that is not followed. */
struct given_room {
  UT_hash_handle hh; /* in cluster->given_rooms, by `room` */
  struct list node;  /* in cluster->given_line, the oldest first */
  struct given given;
  uint64_t since_ms;
  size_t place, home; /* of shards_find, and shards_home of it */
  bool is_doubtful;   /* the connection was lost since then, or it has moved */
  size_t len;
  char room[];
};

uint64_t given_print(struct slice bytes) {
  static const struct hash_key key = {3, 5};
  return hash_siphash(&key, bytes.at, bytes.len);
}

struct given given_record(struct slice bytes, struct slice key,
                          struct engine_position at) {
  return (struct given){.at = at,
                        .is_record = true,
                        .print = given_print(bytes),
                        .key = given_print(key)};
}

/* Whether an answer contradicts what was answered before it. */
static bool is_older(const struct given *answer, const struct given *before) {
  if (before->at.era == 0)
    return false;
  return position_is_before(answer->at, before->at) ||
         (answer->is_record && answer->at.era == before->at.era &&
          answer->at.seq == before->at.seq && answer->print != before->print);
}

/* Two of two masters: nothing will be found that is both. */
static struct given both_given(const struct given *a, const struct given *b) {
  if (a->at.era == 0 || b->at.era == 0)
    return a->at.era == 0 ? *b : *a;
  return (struct given){.at = position_is_before(a->at, b->at) ? b->at : a->at,
                        .is_record = true};
}

/* --- rooms that are not followed ------------------------------------------ */

static struct given_room *find_given(const struct cluster *cluster,
                                     const char *room, size_t len) {
  struct given_room *found;
  HASH_FIND(hh, cluster->given_rooms, room, len, found);
  return found;
}

static void drop_given(struct cluster *cluster, struct given_room *room) {
  HASH_DEL(cluster->given_rooms, room);
  list_remove(&room->node);
  mem_free(room);
}

static struct given_room *add_given(struct cluster *cluster, const char *text,
                                    size_t len) {
  if (HASH_COUNT(cluster->given_rooms) >= GIVEN_ROOMS)
    drop_given(cluster,
               container_of(cluster->given_line.next, struct given_room, node));
  struct given_room *room = mem_alloc(sizeof *room + len);
  room->len = len;
  room->place = name_place(cluster, NAME_ROOM, text, len);
  memcpy(room->room, text, len);
  list_init(&room->node);
  HASH_ADD_KEYPTR(hh, cluster->given_rooms, room->room, len, room);
  return room;
}

/* It is followed for a while, in which it is filled. */
static void look_at_room(struct cluster *cluster, struct given_room *room) {
  struct name *name = name_hold(cluster, NAME_ROOM, room->room, room->len);
  if (!name->numbers)
    drop_given(cluster, room); /* it has none any more */
  name_drop(name);
}

static void put_given(struct cluster *cluster, const char *text, size_t len,
                      const struct given *given, bool is_doubtful) {
  struct given_room *room = find_given(cluster, text, len);
  if (!room)
    room = add_given(cluster, text, len);
  room->given = *given;
  room->is_doubtful = is_doubtful;
  room->home = shards_home(cluster->shards, room->place);
  room->since_ms = uv_now(&cluster->loop);
  list_remove(&room->node);
  list_push(&cluster->given_line, &room->node);
}

static void look_for_doubt(const struct cluster *cluster,
                           struct given_room *room) {
  if (!shards_is_there(cluster->shards, room->place) ||
      shards_home(cluster->shards, room->place) != room->home)
    room->is_doubtful = true;
}

static void note_elsewhere(struct cluster *cluster, const char *text,
                           size_t len, const struct given *given) {
  struct given_room *room = find_given(cluster, text, len);
  if (room)
    look_for_doubt(cluster, room);
  if (room && (room->is_doubtful || is_older(given, &room->given))) {
    look_at_room(cluster, room);
    given_note(cluster, text, len, given);
  } else {
    put_given(cluster, text, len, given, false);
  }
}

void given_places_down(struct cluster *cluster) {
  LIST_FOREACH (it, &cluster->given_line)
    look_for_doubt(cluster, container_of(it, struct given_room, node));
}

void given_look(struct cluster *cluster) {
  uint64_t now_ms = uv_now(&cluster->loop);
  LIST_FOREACH_SAFE (it, &cluster->given_line) {
    struct given_room *room = container_of(it, struct given_room, node);
    look_for_doubt(cluster, room);
    if (!room->is_doubtful && now_ms > room->since_ms + GIVEN_MS)
      drop_given(cluster, room);
    else if (room->is_doubtful && shards_is_there(cluster->shards, room->place))
      look_at_room(cluster, room);
  }
}

void given_free(struct cluster *cluster) {
  while (!list_empty(&cluster->given_line))
    drop_given(cluster,
               container_of(cluster->given_line.next, struct given_room, node));
}

/* --- rooms that are followed ---------------------------------------------- */

/* Or the members here were told that its era is over. */
static bool is_heard(const struct numbers *numbers, const struct given *given) {
  return given->at.era == 0 ||
         (numbers->known && !position_is_before(numbers->at, given->at));
}

void given_begin(struct numbers *numbers) {
  struct name *name = numbers->name;
  struct given_room *room =
      find_given(name->cluster, name_text(name), name->len);
  if (!room)
    return;
  numbers->given[room->is_doubtful ? 0 : 1] = room->given;
  drop_given(name->cluster, room);
}

static void forget_heard(struct numbers *numbers) {
  for (int i = 0; i < 2; i++)
    if (is_heard(numbers, &numbers->given[i]))
      numbers->given[i].at.era = 0;
}

void given_end(struct numbers *numbers) {
  struct name *name = numbers->name;
  forget_heard(numbers);
  bool is_doubtful = numbers->given[0].at.era != 0;
  struct given all = both_given(&numbers->given[0], &numbers->given[1]);
  if (all.at.era != 0)
    put_given(name->cluster, name_text(name), name->len, &all, is_doubtful);
}

void given_down(struct numbers *numbers) {
  forget_heard(numbers);
  numbers->given[0] = both_given(&numbers->given[0], &numbers->given[1]);
  numbers->given[1].at.era = 0;
}

void given_found(struct numbers *numbers) {
  numbers->given[0].at.era = numbers->given[1].at.era = 0;
}

uint64_t given_era(const struct numbers *numbers) {
  uint64_t before = numbers->given[0].at.era, now = numbers->given[1].at.era;
  return before > now ? before : now;
}

void given_note(struct cluster *cluster, const char *text, size_t len,
                const struct given *given) {
  struct name *name = name_find(cluster, NAME_ROOM, text, len);
  struct numbers *numbers = name ? name->numbers : NULL;
  if (!numbers) {
    note_elsewhere(cluster, text, len, given);
  } else if (is_older(given, &numbers->given[0]) ||
             is_older(given, &numbers->given[1])) {
    if (name->confirmed)
      numbers_fill(name);
  } else if (!is_heard(numbers, given)) {
    numbers->given[1] = *given;
  }
}

/* --- whether it is there -------------------------------------------------- */

bool given_is_past(const struct numbers *numbers,
                   struct engine_position there) {
  for (int i = 0; i < 2; i++)
    if (!is_heard(numbers, &numbers->given[i]) &&
        position_is_before(there, numbers->given[i].at))
      return true;
  return false;
}

/* Whether the record is among these, or one that took its place. If it is not
 * kept any more, nobody can say. */
static bool is_among(const struct given *given, bool latest,
                     const struct kept_record *records, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (records[i].seq == given->at.seq)
      return given_print(records[i].bytes) == given->print;
    if (latest && records[i].seq > given->at.seq &&
        given_print(records[i].record.key) == given->key)
      return true;
  }
  return false;
}

bool given_is_lost(const struct numbers *numbers,
                   const struct kept_record *records, size_t count,
                   struct engine_position there) {
  if (given_is_past(numbers, there))
    return true;
  const struct given *before = &numbers->given[0];
  return before->at.era == there.era && before->is_record &&
         !is_heard(numbers, before) &&
         !is_among(before, numbers->rule.latest, records, count);
}
