/* SPDX-License-Identifier: MIT
 * The ledger of a name.
 *
 * What this machine has of a name stands in a table here, too: after a
 * reconnect, or when Redis has lost its memory, all of it is written anew.
 *
 * Reading takes two connections: entries come by that for commands, changes by
 * that of the channel. What is heard while the entries are being read is kept,
 * and used after them; so what is known at last is what was said last. */
#include "cluster/herald.h"
#include "cluster/ledger_state.h"
#include "cluster/sweep.h"

#include "base/err.h"
#include "base/mem.h"
#include "engine/presence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEARD_MAX = 10000, READ_AT_ONCE = 2000 };

/* Of a user: what another machine has. */
struct other_machine {
  struct list node;
  char life[SELF_BYTES];
  uint32_t devices;
};

/* What was heard while the ledger was read. */
struct heard {
  struct list node;
  size_t len;
  char bytes[];
};

static uint64_t machine_of(const char *life) {
  return strtoull(life, NULL, 16);
}

static void drop_heard(struct ledger *ledger) {
  struct list *node;
  while ((node = list_shift(&ledger->heard)))
    mem_free(container_of(node, struct heard, node));
  ledger->heard_count = 0;
}

static void drop_others(struct ledger *ledger) {
  struct list *node;
  while ((node = list_shift(&ledger->others)))
    mem_free(container_of(node, struct other_machine, node));
}

/* --- what others have
 * ----------------------------------------------------------- */

/* "devices since info" */
static struct presence_entry entry_of(const char *user, const char *value) {
  struct presence_entry entry = {.user = user};
  char *end;
  entry.devices = (uint32_t)strtoul(value, &end, 10);
  entry.since_s = strtoll(end, &end, 10);
  if (*end == ' ' && end[1]) {
    entry.info = end + 1;
    entry.info_len = strlen(end + 1);
  }
  return entry;
}

/* Whether it had some before. */
static bool set_machine(struct ledger *ledger, const char *life,
                        uint32_t devices) {
  LIST_FOREACH_SAFE (it, &ledger->others) {
    struct other_machine *other = container_of(it, struct other_machine, node);
    if (strcmp(other->life, life) != 0)
      continue;
    other->devices = devices;
    if (devices == 0) {
      list_remove(&other->node);
      mem_free(other);
    }
    return true;
  }
  if (devices == 0)
    return false;
  struct other_machine *other = mem_alloc(sizeof *other);
  snprintf(other->life, sizeof other->life, "%s", life);
  other->devices = devices;
  list_init(&other->node);
  list_push(&ledger->others, &other->node);
  return false;
}

uint32_t ledger_devices(const struct name *name) {
  uint32_t devices = 0;
  if (name->ledger)
    LIST_FOREACH (it, &name->ledger->others)
      devices += container_of(it, struct other_machine, node)->devices;
  return devices;
}

static void use_entry(struct name *name, const char *life, const char *field,
                      const char *value) {
  struct cluster *cluster = name->cluster;
  struct ledger *ledger = name->ledger;
  struct presence_entry entry = entry_of(field, value);
  if (*value)
    nodes_notice(cluster, life);
  if (name->key[0] == NAME_USER)
    (void)set_machine(ledger, life, entry.devices);
  else if (cluster->presence)
    presence_set_far(cluster->presence, name_text(name), ledger->how,
                     machine_of(life), &entry, uv_now(&cluster->loop));
}

/* `D`, the machine, the length of the field, a colon, the field, the value. */
static bool use_delta(struct name *name, struct slice bytes) {
  char life[SELF_BYTES], *text = mem_strndup(bytes.at, bytes.len), *end;
  bool good = bytes.len > LIFE_BYTES + 2;
  if (good) {
    memcpy(life, text + 1, LIFE_BYTES);
    life[LIFE_BYTES] = 0;
    size_t len = strtoul(text + 1 + LIFE_BYTES, &end, 10);
    good = *end == ':' && (size_t)(text + bytes.len - (end + 1)) >= len;
    if (good && strcmp(life, name->cluster->life) != 0) {
      char *field = mem_strndup(end + 1, len);
      use_entry(name, life, field, end + 1 + len);
      mem_free(field);
    }
  }
  mem_free(text);
  return good;
}

static void keep_heard(struct name *name, struct slice payload) {
  struct ledger *ledger = name->ledger;
  if (ledger->heard_count == HEARD_MAX) {
    ledger->again = true;
    return;
  }
  struct heard *heard = mem_alloc(sizeof *heard + payload.len);
  heard->len = payload.len;
  memcpy(heard->bytes, payload.at, payload.len);
  list_init(&heard->node);
  list_push(&ledger->heard, &heard->node);
  ledger->heard_count++;
}

bool ledger_heard(struct name *name, struct slice payload) {
  if (payload.len == 0 || *payload.at != 'D')
    return false;
  struct ledger *ledger = name->ledger;
  if (!ledger || !ledger->wanted)
    return true;
  if (ledger->reading)
    keep_heard(name, payload);
  else if (ledger->known && !use_delta(name, payload))
    name->cluster->counters.strange++;
  return true;
}

/* --- reading
 * -------------------------------------------------------------------- */

struct reading_ledger {
  struct cluster *cluster;
  size_t len;
  char key[];
};

static size_t count_entries(const struct reply *reply) {
  size_t count = 0;
  for (size_t i = 0; i + 1 < reply->count; i += 2)
    count += reply_at(reply, i + 1).count / 2;
  return count;
}

static void check_own(struct name *name, const struct reply *fields) {
  for (size_t i = 0; i + 1 < fields->count; i += 2) {
    struct reply field = reply_at(fields, i);
    ledger_take_back(name, field.text, field.len);
  }
}

/* Entries of another machine were read. */
static void see_machine(const struct name *name, const char *life) {
  nodes_notice(name->cluster, life);
  if (nodes_is_gone(name->cluster, life))
    sweep_put_back(name, life);
}

static void use_room(struct name *name, const struct reply *reply) {
  struct cluster *cluster = name->cluster;
  struct presence_far *list =
      mem_alloc((count_entries(reply) + 1) * sizeof *list);
  size_t n = 0;
  for (size_t i = 0; i + 1 < reply->count; i += 2) {
    struct reply life = reply_at(reply, i), fields = reply_at(reply, i + 1);
    if (reply_is(&life, cluster->life)) {
      check_own(name, &fields);
      continue;
    }
    if (life.len == LIFE_BYTES)
      see_machine(name, life.text);
    for (size_t j = 0; j + 1 < fields.count; j += 2) {
      list[n].machine = machine_of(life.text);
      list[n++].entry =
          entry_of(reply_at(&fields, j).text, reply_at(&fields, j + 1).text);
    }
  }
  if (cluster->presence)
    presence_replace_far(cluster->presence, name_text(name), name->ledger->how,
                         list, n, uv_now(&cluster->loop));
  mem_free(list);
}

static void use_user(struct name *name, const struct reply *reply) {
  drop_others(name->ledger);
  for (size_t i = 0; i + 1 < reply->count; i += 2) {
    struct reply life = reply_at(reply, i), fields = reply_at(reply, i + 1);
    struct reply value = reply_at(&fields, 1);
    if (reply_is(&life, name->cluster->life))
      check_own(name, &fields);
    if (reply_is(&life, name->cluster->life) || life.len != LIFE_BYTES)
      continue;
    see_machine(name, life.text);
    (void)set_machine(name->ledger, life.text,
                      entry_of("", value.text).devices);
  }
}

static void read_ledger(struct name *name);

static void end_reading(struct name *name) {
  struct ledger *ledger = name->ledger;
  struct list *node;
  ledger->reading = NULL;
  ledger->known = true;
  while ((node = list_shift(&ledger->heard))) {
    struct heard *heard = container_of(node, struct heard, node);
    (void)use_delta(name, (struct slice){heard->bytes, heard->len});
    mem_free(heard);
  }
  ledger->heard_count = 0;
  if (ledger->again)
    read_ledger(name);
  else
    name_settle(name, 0);
}

static void on_ledger_read(void *arg, enum link_fate fate,
                           const struct reply *reply) {
  struct reading_ledger *reading = arg;
  struct name *name =
      name_find(reading->cluster, (enum name_kind)reading->key[0],
                reading->key + 1, reading->len);
  if (name && name->ledger && name->ledger->reading == reading &&
      fate == LINK_ANSWERED) {
    if (reply->kind == REPLY_LIST && name->key[0] == NAME_USER)
      use_user(name, reply);
    else if (reply->kind == REPLY_LIST)
      use_room(name, reply);
    end_reading(name);
  }
  mem_free(reading);
}

static void read_ledger(struct name *name) {
  struct cluster *cluster = name->cluster;
  struct ledger *ledger = name->ledger;
  enum name_kind kind = (enum name_kind)name->key[0];
  struct buf machines = {0}, prefix = {0};
  struct reading_ledger *reading = mem_alloc(sizeof *reading + name->len + 2);
  reading->cluster = cluster;
  reading->len = name->len;
  memcpy(reading->key, name->key, name->len + 1);
  ledger_put_machines_key(&machines, cluster, kind, name_text(name), name->len);
  ledger_put_entries_prefix(&prefix, cluster, kind, name_text(name), name->len);
  const struct slice words[] = {word("EVALSHA"),
                                word(cluster->shas[SCRIPT_LEDGER_LOAD]),
                                word("1"),
                                {machines.data, machines.len},
                                {prefix.data, prefix.len}};
  list_remove(&ledger->to_read);
  ledger->again = false;
  ledger->reading = reading;
  if (name_command(name, words, 5, on_ledger_read, reading)) {
    ledger->reading = NULL; /* `down` comes, or has; or too much is under way */
    list_push(&cluster->to_read, &ledger->to_read);
    mem_free(reading);
    name_settle(name, ERR_UNAVAILABLE);
  }
  buf_free(&machines);
  buf_free(&prefix);
}

/* --- a name's life
 * ---------------------------------------------------------------- */

bool ledger_owes(const struct name *name) {
  return name->ledger && (name->ledger->own ||
                          (name->key[0] == NAME_USER &&
                           !herald_is_even(name->cluster, name_text(name))));
}

void ledger_subscribed(struct name *name) {
  if (name->key[0] == NAME_USER)
    ensure_ledger(name);
  write_all_entries(name);
  if (name->ledger && name->ledger->wanted)
    read_ledger(name);
}

void ledger_down(struct name *name) {
  if (!name->ledger)
    return;
  name->ledger->reading = NULL;
  name->ledger->again = false;
  drop_heard(name->ledger);
}

void ledger_end(struct name *name) {
  struct ledger *ledger = name->ledger;
  struct own_entry *entry = NULL, *next = NULL;
  if (!ledger)
    return;
  if (name->key[0] == NAME_ROOM && name->cluster->presence)
    presence_replace_far(name->cluster->presence, name_text(name), ledger->how,
                         NULL, 0, uv_now(&name->cluster->loop));
  HASH_ITER (hh, ledger->own, entry, next)
    drop_own_entry(ledger, entry);
  drop_heard(ledger);
  drop_others(ledger);
  list_remove(&ledger->soon);
  list_remove(&ledger->to_read);
  mem_free(ledger);
  name->ledger = NULL;
}

void ledger_apply_rule(struct name *name, enum rule_presence how) {
  bool wanted = how != RULE_NO_PRESENCE;
  if (!wanted && !name->ledger)
    return;
  struct ledger *ledger = ensure_ledger(name);
  bool begins = wanted && !ledger->wanted;
  ledger->how = how;
  ledger->wanted = wanted;
  if (!wanted)
    ledger->known = false;
  else if (begins && name->confirmed)
    read_ledger(name);
}

bool ledger_known(const struct name *name) {
  bool wanted = name->ledger ? name->ledger->wanted : name->key[0] == NAME_USER;
  return !wanted || (name->ledger && name->ledger->known);
}

void ledger_read_some(struct cluster *cluster) {
  struct list *node;
  for (int i = 0; i < READ_AT_ONCE && (node = list_shift(&cluster->to_read));
       i++) {
    struct ledger *ledger = container_of(node, struct ledger, to_read);
    if (!ledger->wanted || !ledger->name->confirmed)
      continue; /* it is read when it is subscribed to */
    if (ledger->reading)
      ledger->again = true;
    else
      read_ledger(ledger->name);
  }
}

void ledger_read_again(struct cluster *cluster) {
  struct name *name = NULL, *next = NULL;
  HASH_ITER (hh, cluster->names, name, next)
    if (name->ledger) {
      list_remove(&name->ledger->to_read);
      list_push(&cluster->to_read, &name->ledger->to_read);
    }
  ledger_read_some(cluster);
}

/* Of a user more depends on it than what is shown: that he has gone is not said
 * while anything of him is left. In a cluster it may be. */
static bool is_worth_a_look(const struct name *name) {
  return shards_are_slots(name->cluster->shards) && name->confirmed &&
         name->ledger->wanted;
}

void ledger_forget_machine(struct cluster *cluster, const char *life) {
  struct name *name = NULL, *next = NULL;
  HASH_ITER (hh, cluster->names, name, next) {
    struct ledger *ledger = name->ledger;
    if (!ledger)
      continue;
    bool had = name->key[0] == NAME_USER && set_machine(ledger, life, 0);
    if (ledger->reading)
      ledger->again = true; /* the answer may have it still */
    else if (had && is_worth_a_look(name))
      read_ledger(name);
  }
  if (cluster->presence)
    presence_drop_far(cluster->presence, machine_of(life),
                      uv_now(&cluster->loop));
}
