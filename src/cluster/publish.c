/* SPDX-License-Identifier: MIT
 * Messages of rooms with numbers, on their way to Redis, which numbers them.
 *
 * A record lives until it is answered. What Redis has not seen, as the
 * connection was lost, waits for the next one (cluster->late); so does what has
 * an id, and can be sent again. While too much is under way, what comes waits
 * in a line (cluster->line) until something was answered. */
#include "base/err.h"
#include "base/mem.h"
#include "cluster/numbers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  LATE_BYTES = 16 * 1024 * 1024,
  LATE_MS = 60000, /* less than ids are known */
};

struct record_order {
  struct order order;
  struct cluster *cluster;
  struct list late;         /* in cluster->late, or in its line */
  struct engine_wait *wait; /* who wants to know; NULL: nobody */
  uint64_t since_ms;
  struct rule rule;
  bool may_be_local; /* if it cannot be sent */
  struct buf id;     /* its key; empty: none */
  struct buf bytes;
  struct buf key;
  size_t room_len;
  char room[];
};

static void free_record_order(struct order *order) {
  struct record_order *record = container_of(order, struct record_order, order);
  buf_free(&record->id);
  buf_free(&record->bytes);
  buf_free(&record->key);
  mem_free(record);
}

static void fail_record(struct record_order *record) {
  record->cluster->counters.failed++;
  answer_publication(record->wait, ERR_UNAVAILABLE, 0);
  free_record_order(&record->order);
}

static void send_later(struct record_order *record) {
  struct cluster *cluster = record->cluster;
  if (record->may_be_local && !cluster->stopping) {
    local_deliver(cluster, record->room, record->room_len,
                  (struct slice){record->bytes.data, record->bytes.len});
    free_record_order(&record->order);
    return;
  }
  if (cluster->late_bytes + record->bytes.len > LATE_BYTES ||
      cluster->stopping) {
    fail_record(record);
    return;
  }
  cluster->late_bytes += record->bytes.len;
  list_push(&cluster->late, &record->late);
}

static void wait_in_line(struct record_order *record) {
  struct cluster *cluster = record->cluster;
  if (cluster->line_bytes + record->bytes.len > LATE_BYTES ||
      cluster->stopping) {
    fail_record(record);
    return;
  }
  cluster->line_bytes += record->bytes.len;
  list_push(&cluster->line, &record->late);
}

static struct record_order *next_record(struct list *list, size_t *bytes) {
  struct list *node = list_shift(list);
  if (!node)
    return NULL;
  struct record_order *record = container_of(node, struct record_order, late);
  *bytes -= record->bytes.len;
  return record;
}

/* An id was known: the message may be any of those up to `at`, the newest of
 * which stands for it. */
static struct given given_of_newest(const struct reply *newest,
                                    struct engine_position at) {
  struct slice bytes = {newest->text, newest->len};
  struct record record;
  uint64_t seq;
  if (newest->kind == REPLY_TEXT && take_text_number(&bytes, 10, &seq) &&
      seq == at.seq && record_read(bytes, &record))
    return given_record(bytes, record.key, at);
  return (struct given){.at = at};
}

/* What lua/redis/publish.lua has answered. */
static void note_answer(const struct record_order *record,
                        const struct reply *reply) {
  struct reply seq = reply_at(reply, 0), era = reply_at(reply, 1);
  struct reply position = reply_at(reply, 2); /* of an id that was known */
  struct reply newest = reply_at(reply, 3);
  struct engine_position at = {0};
  struct given given;
  if (era.kind != REPLY_TEXT)
    return;
  at.era = strtoull(era.text, NULL, 16);
  if (position.kind == REPLY_TEXT) {
    at.seq = strtoull(position.text, NULL, 10);
    given = given_of_newest(&newest, at);
  } else {
    at.seq = (uint64_t)seq.number;
    given =
        given_record((struct slice){record->bytes.data, record->bytes.len},
                     (struct slice){record->key.data ? record->key.data : "",
                                    record->key.len},
                     at);
  }
  given_note(record->cluster, record->room, record->room_len, &given);
}

static void on_published(void *arg, enum link_fate fate,
                         const struct reply *reply) {
  struct record_order *record = arg;
  struct cluster *cluster = record->cluster;
  enum reply_error error =
      fate == LINK_ANSWERED ? reply_error(reply) : REPLY_NO_ERROR;
  if (fate == LINK_NOT_SENT || (fate == LINK_UNKNOWN && record->id.len > 0)) {
    send_later(record);
  } else if (fate == LINK_ANSWERED && error == REPLY_NO_ERROR) {
    struct reply seq = reply_at(reply, 0);
    note_answer(record, reply);
    answer_publication(record->wait, 0, (uint64_t)seq.number);
    free_record_order(&record->order);
  } else {
    fail_record(record);
  }
  if (fate == LINK_ANSWERED)
    send_line(cluster);
}

static int give_record(struct cluster *cluster,
                       const struct record_order *record) {
  size_t place = name_place(cluster, NAME_ROOM, record->room, record->room_len);
  struct room_keys keys = {0};
  struct buf channel = {0};
  char keep[16], most[16], era[20], list_s[24], hash_s[24], window[16];
  const struct rule *rule = &record->rule;
  uint32_t kept = rule_keep(rule);
  room_keys_put(&keys, cluster, record->room, record->room_len, rule->latest);
  channel_put(&channel, cluster, NAME_ROOM, record->room, record->room_len);
  snprintf(keep, sizeof keep, "%u", kept);
  snprintf(most, sizeof most, "%u", kept + kept / 4);
  snprintf(era, sizeof era, "%" PRIx64, new_era(cluster, 0));
  snprintf(list_s, sizeof list_s, "%" PRIu64, rule_list_s(rule));
  snprintf(hash_s, sizeof hash_s, "%" PRIu64, rule_hash_s(rule));
  snprintf(window, sizeof window, "%d", ENGINE_ONCE_MS / 1000);
  struct slice words[16];
  size_t n = 0;
  words[n++] = word("EVALSHA");
  words[n++] = word(cluster->shas[SCRIPT_PUBLISH]);
  words[n++] = word(record->id.len > 0 ? "3" : "2");
  words[n++] = keys.kept;
  words[n++] = keys.hash;
  if (record->id.len > 0)
    words[n++] = (struct slice){record->id.data, record->id.len};
  words[n++] = (struct slice){record->bytes.data, record->bytes.len};
  words[n++] = word(keep);
  words[n++] = word(most);
  words[n++] = (struct slice){channel.data, channel.len};
  words[n++] = word(era);
  words[n++] = word(list_s);
  words[n++] = word(hash_s);
  words[n++] = word(window);
  if (rule->latest)
    words[n++] = (struct slice){record->key.data ? record->key.data : "",
                                record->key.len};
  int err = shards_command(cluster->shards, place, words, n, on_published,
                           (void *)record);
  buf_free(&keys.text);
  buf_free(&channel);
  return err;
}

/* False: too much is under way. */
static bool try_record(struct record_order *record) {
  struct cluster *cluster = record->cluster;
  int err = give_record(cluster, record);
  if (err == ERR_FULL)
    return false;
  if (err)
    send_later(record);
  else
    cluster->counters.sent++;
  return true;
}

static void send_record(struct record_order *record) {
  if (!list_empty(&record->cluster->line) || !try_record(record))
    wait_in_line(record);
}

/* One line for all Redis: one that stands still holds up the others' until it
 * is taken for down. */
void send_line(struct cluster *cluster) {
  struct record_order *record;
  while ((record = next_record(&cluster->line, &cluster->line_bytes)))
    if (!try_record(record)) {
      cluster->line_bytes += record->bytes.len;
      list_push(cluster->line.next, &record->late); /* the first again */
      return;
    }
}

static void run_record(struct cluster *cluster, struct order *order) {
  struct record_order *record = container_of(order, struct record_order, order);
  record->since_ms = uv_now(&cluster->loop);
  send_record(record);
}

void send_late(struct cluster *cluster) {
  struct list late;
  list_init(&late);
  list_move(&cluster->late, &late);
  cluster->late_bytes = 0;
  while (!list_empty(&late)) {
    struct record_order *record =
        container_of(late.next, struct record_order, late);
    list_remove(&record->late);
    if (uv_now(&cluster->loop) > record->since_ms + LATE_MS)
      fail_record(record);
    else
      send_record(record);
  }
}

void drop_late(struct cluster *cluster) {
  struct record_order *record;
  while ((record = next_record(&cluster->late, &cluster->late_bytes)))
    fail_record(record);
  while ((record = next_record(&cluster->line, &cluster->line_bytes)))
    fail_record(record);
}

static void pack_record(struct record_order *order,
                        const struct cluster *cluster,
                        const struct engine_publication *publication) {
  struct record record = {.origin = cluster->self,
                          .except = publication->except,
                          .drop = publication->drop,
                          .at_ms = unix_ms(),
                          .number_at = (uint32_t)publication->number_at,
                          .text = {publication->text, publication->len}};
  if (publication->key && publication->rule->latest) {
    record.key = (struct slice){publication->key, publication->key_len};
    buf_put(&order->key, record.key.at, record.key.len);
  } else {
    record.key = (struct slice){"", 0};
  }
  if (publication->id)
    id_key_put(&order->id, cluster, NAME_ROOM,
               (struct slice){publication->room, publication->room_len},
               (struct slice){publication->id, publication->id_len});
  record_put(&order->bytes, &record);
}

void publish_record(struct engine *engine,
                    const struct engine_publication *publication,
                    struct engine_result *result) {
  struct cluster *cluster = cluster_of(engine);
  size_t len = publication->room_len;
  bool local = local_allows(cluster, publication);
  *result = (struct engine_result){.left_out = -1, .pending = true};
  if (!local &&
      !shards_is_there(cluster->shards, name_place(cluster, NAME_ROOM,
                                                   publication->room, len))) {
    result->err = ERR_UNAVAILABLE;
    return;
  }
  struct record_order *order = mem_alloc(sizeof *order + len + 1);
  order->order.run = run_record;
  order->order.drop = free_record_order;
  order->cluster = cluster;
  list_init(&order->late);
  order->rule = *publication->rule;
  order->may_be_local = local;
  order->room_len = len;
  memcpy(order->room, publication->room, len);
  pack_record(order, cluster, publication);
  if (publication->done && publication->worker >= 0) {
    order->wait =
        new_wait(engine, publication->worker, NAME_ROOM, publication->room, 0);
    order->wait->confirmed = publication->done;
    order->wait->arg = publication->arg;
    result->wait = order->wait;
  }
  order_post_take(cluster, &order->order);
}
