/* SPDX-License-Identifier: MIT
 * What goes to Redis.
 *
 * The thread that has something to send writes it as bytes, and posts an order;
 * the cluster's thread gives it to the link. So what one worker sends keeps its
 * order, and nobody waits for Redis: commands are pipelined. */
#include "base/err.h"
#include "base/mem.h"
#include "cluster/parcel.h"
#include "cluster/state.h"
#include "trace/far.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
  LIST_MAX = 10000,            /* messages of a room in Redis */
  KEEP_S = 7 * 24 * 3600,      /* where a rule names no time */
  HASH_KEEP_S = 3 * 24 * 3600, /* the least that a room's position is known */
  LATE_BYTES = 16 * 1024 * 1024,
  LATE_MS = 60000, /* less than ids are known */
};

/* --- keys ---------------------------------------------------------------- */

void room_keys_put(struct room_keys *keys, const struct cluster *cluster,
                   const char *room, size_t len, bool latest) {
  char tag[SHARDS_TAG_BYTES];
  struct buf *out = &keys->text;
  shards_tag(room, len, tag);
  const char *endings = latest ? "km" : "hm";
  size_t at[2];
  for (int i = 0; i < 2; i++) {
    at[i] = out->len;
    buf_printf(out, "%s:%s:%c:", cluster->options.prefix, tag, endings[i]);
    buf_put(out, room, len);
  }
  keys->kept = (struct slice){out->data + at[0], at[1] - at[0]};
  keys->hash = (struct slice){out->data + at[1], out->len - at[1]};
}

static void put_id_key(struct buf *out, const struct cluster *cluster,
                       enum name_kind kind, struct slice room,
                       struct slice id) {
  char tag[SHARDS_TAG_BYTES];
  name_tag(kind, room.at, room.len, tag);
  buf_printf(out, "%s:%s:i:%zu:", cluster->options.prefix, tag, room.len);
  buf_put(out, room.at, room.len);
  buf_putc(out, ':');
  buf_put(out, id.at, id.len);
}

uint32_t rule_keep(const struct rule *rule) {
  return rule->messages < LIST_MAX ? rule->messages : LIST_MAX;
}

/* A quarter more than it is good for: it is not told anew with each message. */
uint64_t rule_list_s(const struct rule *rule) {
  uint64_t keep_s = rule->keep_ms > 0 ? (rule->keep_ms + 999) / 1000 : KEEP_S;
  return keep_s + keep_s / 4 + 1;
}

uint64_t rule_hash_s(const struct rule *rule) {
  uint64_t list_s = rule_list_s(rule);
  return list_s * 2 > HASH_KEEP_S ? list_s * 2 : HASH_KEEP_S;
}

static int64_t unix_ms(void) {
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

/* --- to those who are here ----------------------------------------------- */

static uint32_t find_receivers(const struct cluster *cluster,
                               const struct bus_letter *letter,
                               uint32_t *counts) {
  struct whereabouts *whereabouts = cluster->bus->whereabouts;
  if (letter->to == BUS_USER)
    return whereabouts_of_user(whereabouts, letter->target, letter->target_len,
                               counts);
  if (letter->to == BUS_ROOM)
    return whereabouts_of_room(whereabouts, letter->target, letter->target_len,
                               counts);
  return whereabouts_of_all(whereabouts, counts);
}

void deliver_letter(struct cluster *cluster, const struct bus_letter *letter) {
  uint32_t counts[BUS_WORKERS_MAX];
  if (letter->to == BUS_CONN) {
    int worker = (int)((letter->conn - 1) % (uint64_t)cluster->workers);
    (void)bus_post(cluster->bus, worker, letter); /* or it is left out */
    return;
  }
  if (find_receivers(cluster, letter, counts) == 0)
    return;
  for (int i = 0; i < cluster->workers; i++)
    if (counts[i] > 0 && !bus_post(cluster->bus, i, letter) && letter->frame)
      cluster->counters.left_out++;
}

/* --- parcels ------------------------------------------------------------- */

struct parcel_order {
  struct order order;
  struct cluster *cluster;
  enum name_kind kind;
  size_t target_len;
  bool has_id;
  uint64_t login; /* a connection that takes the place of others; or 0 */
  struct buf id;  /* the key of the id */
  struct buf bytes;
  char target[];
};

static void free_parcel_order(struct order *order) {
  struct parcel_order *parcel = container_of(order, struct parcel_order, order);
  buf_free(&parcel->id);
  buf_free(&parcel->bytes);
  mem_free(parcel);
}

static void on_sent_once(void *arg, enum link_fate fate,
                         const struct reply *reply) {
  struct cluster *cluster = arg;
  if (fate != LINK_ANSWERED || reply_error(reply) != REPLY_NO_ERROR)
    cluster->counters.failed++;
}

static int give_parcel(struct cluster *cluster,
                       const struct parcel_order *parcel,
                       struct slice channel) {
  size_t place =
      name_place(cluster, parcel->kind, parcel->target, parcel->target_len);
  struct slice bytes = {parcel->bytes.data, parcel->bytes.len};
  if (!parcel->has_id) {
    const struct slice words[] = {publish_word(cluster), channel, bytes};
    return shards_command(cluster->shards, place, words, 3, NULL, NULL);
  }
  char window[16];
  snprintf(window, sizeof window, "%d", ENGINE_ONCE_MS / 1000);
  const struct slice words[] = {
      word("EVALSHA"), word(cluster->shas[SCRIPT_ONCE]),
      word("1"),       {parcel->id.data, parcel->id.len},
      channel,         bytes,
      word(window)};
  return shards_command(cluster->shards, place, words, 7, on_sent_once,
                        cluster);
}

/* It will be heard here as well; see login_that_stays. */
static void note_login(struct cluster *cluster,
                       const struct parcel_order *parcel) {
  struct name *name =
      name_find(cluster, NAME_USER, parcel->target, parcel->target_len);
  if (!name || !parcel->login)
    return;
  if (name->logins[0] && name->logins[1])
    name->logins[0] = name->logins[1];
  name->logins[name->logins[0] ? 1 : 0] = parcel->login;
}

static void run_parcel(struct cluster *cluster, struct order *order) {
  struct parcel_order *parcel = container_of(order, struct parcel_order, order);
  struct buf channel = {0};
  channel_put(&channel, cluster, parcel->kind, parcel->target,
              parcel->target_len);
  if (give_parcel(cluster, parcel, (struct slice){channel.data, channel.len})) {
    cluster->counters.unsent++;
  } else {
    cluster->counters.sent++;
    note_login(cluster, parcel);
  }
  buf_free(&channel);
  free_parcel_order(order);
}

static enum name_kind kind_of(enum bus_to to) {
  switch (to) {
  case BUS_USER:
    return NAME_USER;
  case BUS_ROOM:
    return NAME_ROOM;
  case BUS_CONN:
    return NAME_NODE;
  case BUS_ALL:
    break;
  }
  return NAME_ALL;
}

static void pack_letter(struct buf *out, const struct cluster *cluster,
                        const struct engine_parcel *wanted) {
  const struct bus_letter *letter = wanted->letter;
  struct buf cause = {0};
  struct parcel parcel = {.origin = cluster->self,
                          .echo = wanted->echo,
                          .what = letter->what,
                          .drop = letter->drop,
                          .own = letter->own,
                          .code = letter->code,
                          .conn = letter->to == BUS_CONN ? letter->conn
                                                         : letter->except,
                          .text = word(letter->text ? letter->text : "")};
  if (letter->frame) {
    size_t len;
    parcel.payload.at = (const char *)frame_payload(letter->frame, &len);
    parcel.payload.len = len;
    parcel.is_binary = frame_opcode(letter->frame) == FRAME_BINARY;
    far_put(&cause, letter->frame->cause);
    parcel.text = (struct slice){cause.len ? cause.data : "", cause.len};
  }
  parcel_put(out, &parcel);
  buf_free(&cause);
}

int send_parcel(struct engine *engine, const struct engine_parcel *wanted) {
  struct cluster *cluster = cluster_of(engine);
  const struct bus_letter *letter = wanted->letter;
  bool to_all = letter->to == BUS_ALL;
  const char *target = to_all ? "" : letter->target;
  size_t len = to_all ? 0 : letter->target_len;
  char machine[SELF_BYTES];
  if (alone_omits(cluster, wanted))
    return 0;
  if (letter->to == BUS_CONN) {
    snprintf(machine, sizeof machine, "%016" PRIx64, wanted->machine);
    target = machine;
    len = SELF_BYTES - 1;
  }
  enum name_kind kind = kind_of(letter->to);
  if (!shards_is_there(cluster->shards,
                       name_place(cluster, kind, target, len))) {
    if (wanted->echo && !wanted->id)
      deliver_letter(cluster, letter);
    return ERR_UNAVAILABLE;
  }
  struct parcel_order *parcel = mem_alloc(sizeof *parcel + len + 1);
  parcel->order.run = run_parcel;
  parcel->order.drop = free_parcel_order;
  parcel->cluster = cluster;
  parcel->kind = kind;
  parcel->target_len = len;
  memcpy(parcel->target, target, len);
  if (letter->what == BUS_CLOSE && letter->to == BUS_USER)
    parcel->login = letter->except;
  if (wanted->id) {
    parcel->has_id = true;
    put_id_key(&parcel->id, cluster, kind, (struct slice){target, len},
               (struct slice){wanted->id, wanted->id_len});
  }
  pack_letter(&parcel->bytes, cluster, wanted);
  order_post_take(cluster, &parcel->order);
  return 0;
}

/* --- messages with numbers ------------------------------------------------ */

/* It lives until it is answered. What Redis has not seen, as the connection was
 * lost, waits for the next one (cluster->late); so does what has an id, and can
 * be sent again. While too much is under way, what comes waits in a line
 * (cluster->line) until something was answered. */
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

static void on_published(void *arg, enum link_fate fate,
                         const struct reply *reply) {
  struct record_order *record = arg;
  struct cluster *cluster = record->cluster;
  enum reply_error error =
      fate == LINK_ANSWERED ? reply_error(reply) : REPLY_NO_ERROR;
  if (fate == LINK_NOT_SENT || (fate == LINK_UNKNOWN && record->id.len > 0)) {
    send_later(record);
  } else if (fate == LINK_ANSWERED && error == REPLY_NO_ERROR) {
    struct reply known = reply_at(reply, 0); /* of an id that was known */
    const struct reply *seq = reply->kind == REPLY_LIST ? &known : reply;
    answer_publication(record->wait, 0, (uint64_t)seq->number);
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
    put_id_key(&order->id, cluster, NAME_ROOM,
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
