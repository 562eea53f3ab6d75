/* SPDX-License-Identifier: MIT
 * Names that are followed: rooms and users that somebody here is in, or is.
 *
 * A name is subscribed to when the first worker has it, and let go some seconds
 * after the last one has not: people who come back at once, and those who walk
 * through many rooms, cost Redis nothing. Who waits for the name
 * (engine_settle) has it, too, until his answer was used.
 *
 * What cannot be heard is not waited for: when the link of a name is down, or
 * goes down, those who wait are told. */
#include "base/err.h"
#include "base/mem.h"
#include "cluster/ledger.h"
#include "cluster/parcel.h"
#include "cluster/question.h"
#include "cluster/state.h"
#include "trace/far.h"

#include <string.h>

int name_command(const struct name *name, const struct slice *words,
                 size_t count, link_answer_fn *done, void *arg) {
  return shards_command(name->cluster->shards, name->place, words, count, done,
                        arg);
}

size_t name_place(const struct cluster *cluster, enum name_kind kind,
                  const char *text, size_t len) {
  if (kind == NAME_ALL)
    return shards_find(cluster->shards, "nodes", 5);
  return shards_find(cluster->shards, text, len);
}

void name_tag(enum name_kind kind, const char *text, size_t len,
              char out[SHARDS_TAG_BYTES]) {
  if (kind == NAME_ALL)
    shards_tag("nodes", 5, out);
  else
    shards_tag(text, len, out);
}

struct slice publish_word(const struct cluster *cluster) {
  return word(shards_are_slots(cluster->shards) ? "SPUBLISH" : "PUBLISH");
}

void channel_put(struct buf *out, const struct cluster *cluster,
                 enum name_kind kind, const char *text, size_t len) {
  char tag[SHARDS_TAG_BYTES];
  buf_puts(out, cluster->options.prefix);
  buf_putc(out, ':');
  if (shards_are_slots(cluster->shards)) {
    name_tag(kind, text, len, tag);
    buf_printf(out, "%s:", tag);
  }
  buf_putc(out, (char)kind);
  buf_putc(out, ':');
  buf_put(out, text, len);
}

/* --- finding and making -------------------------------------------------- */

static struct name *find_key(const struct cluster *cluster, const char *key,
                             size_t len) {
  struct name *name;
  HASH_FIND(hh, cluster->names, key, len, name);
  return name;
}

struct name *name_find(const struct cluster *cluster, enum name_kind kind,
                       const char *text, size_t len) {
  char key[256];
  if (len >= sizeof key)
    return NULL;
  key[0] = (char)kind;
  memcpy(key + 1, text, len);
  return find_key(cluster, key, len + 1);
}

static void subscribe(struct name *name) {
  struct buf channel = {0};
  channel_put(&channel, name->cluster, (enum name_kind)name->key[0],
              name_text(name), name->len);
  name->channel =
      shards_subscribe(name->cluster->shards, name->place,
                       (struct slice){channel.data, channel.len}, name);
  buf_free(&channel);
}

static struct name *new_name(struct cluster *cluster, enum name_kind kind,
                             const char *text, size_t len) {
  struct name *name = mem_alloc(sizeof *name + len + 2);
  name->cluster = cluster;
  name->len = len;
  name->key[0] = (char)kind;
  memcpy(name->key + 1, text, len);
  name->place = name_place(cluster, kind, text, len);
  list_init(&name->idle);
  list_init(&name->waits);
  HASH_ADD_KEYPTR(hh, cluster->names, name->key, len + 1, name);
  return name;
}

static void look_for_numbers(struct name *name, struct rules *rules) {
  const struct rule *rule = rules_find(rules, name_text(name), name->len);
  bool numbered = rule && rule->numbered;
  ledger_apply_rule(name, rule ? rule->presence : RULE_NO_PRESENCE);
  if (numbered && name->numbers)
    numbers_change(name, rule);
  else if (numbered)
    numbers_begin(name, rule);
  else if (name->numbers) {
    local_forgive(name);
    numbers_end(name);
  }
}

struct name *name_hold(struct cluster *cluster, enum name_kind kind,
                       const char *text, size_t len) {
  struct name *name = name_find(cluster, kind, text, len);
  if (!name) {
    name = new_name(cluster, kind, text, len);
    if (kind == NAME_ROOM) {
      struct rules *rules = engine_hold_rules(cluster->copy);
      look_for_numbers(name, rules);
      rules_unref(rules);
    }
    subscribe(name);
  }
  name->refs++;
  list_remove(&name->idle);
  return name;
}

void name_drop(struct name *name) {
  if (--name->refs > 0)
    return;
  name->idle_ms = uv_now(&name->cluster->loop);
  list_push(&name->cluster->idle, &name->idle);
}

static void free_name(struct name *name) {
  if (name->numbers)
    numbers_end(name);
  ledger_end(name);
  shards_unsubscribe(name->cluster->shards, name->channel);
  HASH_DEL(name->cluster->names, name);
  list_remove(&name->idle);
  mem_free(name);
}

void name_tick(struct cluster *cluster, bool all) {
  uint64_t now_ms = uv_now(&cluster->loop);
  while (!list_empty(&cluster->idle)) {
    struct name *name = container_of(cluster->idle.next, struct name, idle);
    if (!all && now_ms < name->idle_ms + LINGER_MS)
      return;
    if (all || !ledger_owes(name)) {
      if (!all)
        ledger_delist(name);
      free_name(name);
      continue;
    }
    name->idle_ms = now_ms;
    list_remove(&name->idle);
    list_push(&cluster->idle, &name->idle);
  }
}

void name_apply_rules(struct cluster *cluster) {
  struct rules *rules = engine_hold_rules(cluster->copy);
  struct name *name = NULL, *next = NULL;
  HASH_ITER (hh, cluster->names, name, next)
    if (name->key[0] == NAME_ROOM)
      look_for_numbers(name, rules);
  rules_unref(rules);
}

/* --- those who wait ------------------------------------------------------- */

bool name_serves(const struct name *name, const struct engine_wait *wait) {
  if (name->numbers && !numbers_serve(name, wait))
    return false;
  if (!name->numbers && !alone_is_known(name->cluster))
    return false;
  return (name->numbers || name->confirmed) && ledger_known(name);
}

void name_settle(struct name *name, int err) {
  struct list waits;
  list_init(&waits);
  list_move(&name->waits, &waits);
  while (!list_empty(&waits)) {
    struct engine_wait *wait =
        container_of(waits.next, struct engine_wait, in_name);
    list_remove(&wait->in_name);
    if (!err && !name_serves(name, wait))
      list_push(&name->waits, &wait->in_name);
    else
      answer_wait(wait, err);
  }
}

/* --- what Redis says ------------------------------------------------------ */

void name_subscribed(void *arg, void *channel_arg) {
  struct name *name = channel_arg;
  (void)arg;
  name->confirmed = true;
  ledger_subscribed(name);
  if (name->numbers)
    numbers_fill(name);
  else
    name_settle(name, 0);
  if (name->key[0] != NAME_ALL)
    return;
  alone_settle(name->cluster);
  /* That a machine is gone is said here, and nothing was heard for a while.
   * What is known of it may be of places that were there all the time; with one
   * Redis all names are subscribed to anew, and so read. */
  if (shards_count(name->cluster->shards) > 1)
    ledger_read_again(name->cluster);
}

static void forget_hearing(struct name *name) {
  name->confirmed = false;
  name->logins[0] = name->logins[1] = 0;
  if (name->numbers)
    numbers_down(name);
  ledger_down(name);
}

/* Those who wait go on waiting: it will be heard at its new place, or that is
 * not there, and names_down follows. */
void name_moved(void *arg, void *channel_arg) {
  (void)arg;
  forget_hearing(channel_arg);
}

void names_down(struct cluster *cluster) {
  struct name *name = NULL, *next = NULL;
  HASH_ITER (hh, cluster->names, name, next) {
    if (shards_is_there(cluster->shards, name->place))
      continue;
    forget_hearing(name);
    name_settle(name, ERR_UNAVAILABLE);
  }
  if (!shards_is_there(cluster->shards, cluster->all->place))
    alone_forget(cluster);
}

/* A connection that is here may have said the same at the same moment: Redis
 * has put the two in an order, and the one that was heard first goes. */
static uint64_t login_that_stays(const struct name *name) {
  return name->logins[1] ? name->logins[1] : name->logins[0];
}

/* What was sent from here has been heard. */
static void note_own_close(struct name *name, const struct parcel *parcel) {
  if (parcel->what != BUS_CLOSE || !parcel->conn)
    return;
  if (name->logins[0] == parcel->conn) {
    name->logins[0] = name->logins[1];
    name->logins[1] = 0;
  } else if (name->logins[1] == parcel->conn) {
    name->logins[1] = 0;
  }
}

static enum bus_to target_of(const struct name *name) {
  switch ((enum name_kind)name->key[0]) {
  case NAME_ROOM:
    return BUS_ROOM;
  case NAME_USER:
    return BUS_USER;
  case NAME_NODE:
    return BUS_CONN;
  case NAME_ALL:
    return BUS_ALL;
  }
  return BUS_ALL;
}

static struct frame *frame_of_parcel(const struct parcel *parcel) {
  struct cause *before = cause_now;
  cause_now = parcel->text.len > 0 ? far_read(parcel->text) : NULL;
  struct frame *frame = frame_new(parcel->is_binary ? FRAME_BINARY : FRAME_TEXT,
                                  parcel->payload.at, parcel->payload.len);
  cause_unref(cause_now);
  cause_now = before;
  return frame;
}

static void open_parcel(struct name *name, const struct parcel *parcel) {
  char text[256] = "";
  bool own = parcel->origin == name->cluster->self;
  if (own)
    note_own_close(name, parcel);
  if (own && !parcel->echo)
    return;
  if (parcel->what != BUS_SEND)
    (void)slice_copy(parcel->text, text, sizeof text);
  struct bus_letter letter = {.to = target_of(name),
                              .what = parcel->what,
                              .drop = parcel->drop,
                              .own = parcel->own,
                              .code = parcel->code,
                              .target = name_text(name),
                              .target_len = name->len,
                              .text = text};
  if (letter.to == BUS_CONN)
    letter.conn = parcel->conn;
  else if (own)
    letter.except = parcel->conn;
  else if (parcel->what == BUS_CLOSE && parcel->conn)
    letter.except = login_that_stays(name);
  if (parcel->what == BUS_SEND)
    letter.frame = frame_of_parcel(parcel);
  name->cluster->counters.received++;
  deliver_letter(name->cluster, &letter);
  if (letter.frame)
    frame_unref(letter.frame);
}

void name_heard(void *arg, void *channel_arg, struct slice payload) {
  struct name *name = channel_arg;
  struct parcel parcel;
  (void)arg;
  if (parcel_read(payload, &parcel))
    open_parcel(name, &parcel);
  else if (ledger_heard(name, payload) || nodes_heard(name, payload) ||
           question_heard(name, payload) || notice_heard(name, payload) ||
           alone_heard(name, payload))
    name->cluster->counters.received++;
  else if (name->numbers)
    numbers_heard(name, payload);
  else if (name->key[0] != NAME_NODE && name->key[0] != NAME_ROOM)
    name->cluster->counters.strange++;
}
