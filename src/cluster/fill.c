/* SPDX-License-Identifier: MIT
 * The copy of a room with numbers is made what Redis has: position and what is
 * kept are read, and compared with the copy.
 *
 * - The era is the same, and so is the message at our position: we have missed
 *   what comes after it, and take that, in order. Members see no gap.
 * - Something of that is not kept any more: what there is becomes the copy, and
 *   members are told to resync.
 * - The message at our position is another one, or Redis is not so far: it has
 *   lost what we have seen (a failover to a replica that was behind, a restart
 *   from an old file). Numbers would be given a second time. So a new era is
 *   begun, by whoever notices first, and then it is filled again. So it is
 *   when what this machine has published is lost (cluster/given).
 * - The era is another one: the copy is dropped, and members are told.
 *
 * While it is filled nothing else is taken: messages that come are only noted
 * by their number, and if the answer does not have the last of these, it is
 * filled once more. So it is after a reconnect, too: nothing newer is handed
 * out before what was missed. If Redis refuses (a master without its replicas),
 * the next message has it filled, or the next comparison. */
#include "base/err.h"
#include "base/mem.h"
#include "cluster/numbers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A fill under way. The name may be gone when it is answered. */
struct fill {
  struct cluster *cluster;
  int answers; /* that are still to come */
  size_t len;
  char room[];
};

/* --- reading -------------------------------------------------------------- */

static int by_seq(const void *a, const void *b) {
  const struct kept_record *x = a, *y = b;
  return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* The records of the list, oldest first; `count` gets how many are after no
 * gap but those of `latest`. The caller frees it. */
static struct kept_record *read_list(const struct reply *list, bool latest,
                                     uint64_t until, size_t *count) {
  struct kept_record *found = mem_alloc((list->count + 1) * sizeof *found);
  size_t n = 0;
  for (size_t i = list->count; i > 0; i--) {
    struct reply entry = reply_at(list, i - 1);
    struct slice rest = {entry.text, entry.len};
    if (entry.kind == REPLY_TEXT &&
        take_text_number(&rest, 10, &found[n].seq) &&
        record_read(rest, &found[n].record) && found[n].seq <= until)
      found[n++].bytes = rest;
  }
  if (n > 0 && latest)
    qsort(found, n, sizeof *found, by_seq);
  *count = n;
  return found;
}

/* What was added after HMGET is told by the list. */
static uint64_t newest_of(const struct reply *list) {
  uint64_t newest = 0, seq;
  for (size_t i = 0; i < list->count; i++) {
    struct reply entry = reply_at(list, i);
    struct slice rest = {entry.text, entry.len};
    if (entry.kind == REPLY_TEXT && take_text_number(&rest, 10, &seq) &&
        seq > newest)
      newest = seq;
  }
  return newest;
}

/* Takes what comes after our position. */
static void take_missed(struct name *name, const struct kept_record *records,
                        size_t count, struct engine_position at) {
  struct numbers *numbers = name->numbers;
  for (size_t i = 0; i < count; i++) {
    if (records[i].seq <= numbers->at.seq)
      continue;
    name->cluster->counters.healed++;
    numbers_take(name, &records[i].record,
                 (struct engine_position){at.era, records[i].seq});
  }
}

static bool same_frame(const struct frame *a, const struct frame *b) {
  return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static bool is_last(const struct numbers *numbers,
                    const struct kept_record *record) {
  struct frame *frame = numbers_frame(&record->record, record->seq);
  bool same = same_frame(frame, numbers->last);
  frame_unref(frame);
  return same;
}

/* Whether Redis has another message at our position than we have seen; or, with
 * `latest`, has it no more, though none with its key came after it. */
static bool has_other(const struct numbers *numbers,
                      const struct kept_record *records, size_t count) {
  const struct rule *rule = &numbers->rule;
  if (!numbers->last)
    return false;
  for (size_t i = 0; i < count; i++) {
    if (records[i].seq == numbers->at.seq)
      return !is_last(numbers, &records[i]);
    if (rule->latest && records[i].seq > numbers->at.seq &&
        given_print(records[i].record.key) == numbers->last_key)
      return false;
  }
  return rule->latest && count < rule_keep(rule);
}

/* Whether everything after our position is there. */
static bool is_whole(const struct numbers *numbers,
                     const struct kept_record *records, size_t count,
                     struct engine_position at) {
  if (at.seq == numbers->at.seq || numbers->rule.latest)
    return true;
  return count > 0 && records[0].seq <= numbers->at.seq + 1;
}

static void use_fill(struct name *name, const struct reply *list) {
  struct numbers *numbers = name->numbers;
  struct engine_position at = numbers->read;
  uint64_t newest = newest_of(list);
  size_t count;
  if (newest > at.seq)
    at.seq = newest;
  struct kept_record *records =
      read_list(list, numbers->rule.latest, at.seq, &count);
  bool same = numbers->known && at.era == numbers->at.era;
  bool rewound =
      same && (at.seq < numbers->at.seq || has_other(numbers, records, count));
  bool older = numbers->known && at.era < numbers->at.era;
  if (rewound || older || given_is_lost(numbers, records, count, at)) {
    uint64_t given = given_era(numbers);
    renew_room(name->cluster, name_text(name), name->len, &numbers->rule,
               at.era, given > numbers->at.era ? given : numbers->at.era);
    numbers->ended_era = at.era;
    numbers->again = true;
    mem_free(records);
    return;
  }
  given_found(numbers);
  if (same && is_whole(numbers, records, count, at)) {
    take_missed(name, records, count, at);
    local_pay(name, at);
  } else if (!local_pay(name, at)) {
    name->cluster->counters.lost += numbers->known;
    numbers_replace(name, records, count, at);
  }
  mem_free(records);
}

/* The name, if it still waits for this fill: it may have been given up, and
 * another one asked for. */
static struct name *filled_name(const struct fill *fill) {
  struct name *name =
      name_find(fill->cluster, NAME_ROOM, fill->room, fill->len);
  return name && name->numbers && name->numbers->filling == fill ? name : NULL;
}

static void drop_fill(struct fill *fill) {
  if (--fill->answers == 0)
    mem_free(fill);
}

static void on_entered(void *arg, enum link_fate fate,
                       const struct reply *reply) {
  struct fill *fill = arg;
  struct name *name = filled_name(fill);
  drop_fill(fill);
  if (!name)
    return;
  struct reply era = {0}, seq = {0};
  if (fate == LINK_ANSWERED && reply->kind == REPLY_LIST) {
    era = reply_at(reply, 0);
    seq = reply_at(reply, 1);
  }
  name->numbers->read = (struct engine_position){0, 0};
  if (era.kind == REPLY_TEXT && seq.kind == REPLY_TEXT)
    name->numbers->read = (struct engine_position){
        strtoull(era.text, NULL, 16), strtoull(seq.text, NULL, 10)};
}

static void end_fill(struct name *name) {
  struct numbers *numbers = name->numbers;
  numbers->filled = numbers->at.seq;
  numbers->refused = false;
  bool behind = position_is_before(numbers->at, numbers->newest);
  numbers->filling = NULL;
  if (numbers->again || behind) {
    numbers_fill(name);
    return;
  }
  LIST_FOREACH (it, &name->waits)
    container_of(it, struct engine_wait, in_name)->asked = true;
  name_settle(name, 0);
}

static void on_list(void *arg, enum link_fate fate, const struct reply *reply) {
  struct fill *fill = arg;
  struct name *name = filled_name(fill);
  bool good = fate == LINK_ANSWERED && reply->kind == REPLY_LIST && name &&
              name->numbers->read.era != 0;
  if (good) {
    use_fill(name, reply);
    end_fill(name);
  } else if (name && fate == LINK_ANSWERED) {
    name->numbers->filling = NULL;
    name->numbers->refused = true;
    name_settle(name, ERR_UNAVAILABLE);
  }
  drop_fill(fill);
}

/* Whether it was asked for, all of it. */
static bool ask_list(struct name *name, struct fill *fill) {
  struct cluster *cluster = name->cluster;
  const struct rule *rule = &name->numbers->rule;
  struct room_keys keys = {0};
  char era[20], hash_s[24];
  room_keys_put(&keys, cluster, fill->room, fill->len, rule->latest);
  snprintf(era, sizeof era, "%" PRIx64,
           new_era(cluster, name->numbers->at.era));
  snprintf(hash_s, sizeof hash_s, "%" PRIu64, rule_hash_s(rule));
  const struct slice enter[] = {
      word("EVALSHA"), word(cluster->shas[SCRIPT_ENTER]),
      word("2"),       keys.kept,
      keys.hash,       word(era),
      word(hash_s)};
  const struct slice values[] = {word("HVALS"), keys.kept};
  const struct slice range[] = {word("LRANGE"), keys.kept, word("0"),
                                word("-1")};
  fill->answers = 2;
  if (name_command(name, enter, 7, on_entered, fill))
    fill->answers--;
  bool asked =
      fill->answers == 2 && !name_command(name, rule->latest ? values : range,
                                          rule->latest ? 2 : 4, on_list, fill);
  buf_free(&keys.text);
  if (!asked)
    drop_fill(fill);
  return asked;
}

void numbers_fill(struct name *name) {
  struct numbers *numbers = name->numbers;
  if (numbers->filling) {
    numbers->again = true;
    return;
  }
  struct fill *fill = mem_alloc(sizeof *fill + name->len + 1);
  fill->cluster = name->cluster;
  fill->len = name->len;
  memcpy(fill->room, name_text(name), name->len);
  numbers->again = false;
  numbers->newest = (struct engine_position){0, 0};
  numbers->filling = fill;
  name->cluster->counters.fills++;
  if (ask_list(name, fill))
    return;
  numbers->filling = NULL; /* it is down; `up` comes, and all is done anew */
  name_settle(name, ERR_UNAVAILABLE);
}

/* What is being read may be older than what is asked for. */
void numbers_want(struct name *name, const struct engine_wait *wait) {
  if (!name->numbers->filling || *wait->epoch)
    numbers_fill(name);
}
