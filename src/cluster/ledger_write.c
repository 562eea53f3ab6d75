/* SPDX-License-Identifier: MIT
 * The ledger of a name: what this machine writes.
 *
 * Others have to know, when this machine is dead, of what it has entries: that
 * is told first. */
#include "cluster/herald.h"
#include "cluster/ledger_state.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { HURRY_MS = 50 };

/* --- entries ------------------------------------------------------------- */

struct ledger *ensure_ledger(struct name *name) {
  if (name->ledger)
    return name->ledger;
  name->ledger = mem_alloc(sizeof *name->ledger);
  name->ledger->name = name;
  list_init(&name->ledger->others);
  list_init(&name->ledger->heard);
  list_init(&name->ledger->soon);
  list_init(&name->ledger->to_read);
  name->ledger->wanted = name->key[0] == NAME_USER;
  return name->ledger;
}

/* Something is due that could not be written: see ledger_tick. */
static void note_unwritten(struct name *name) {
  list_remove(&name->ledger->soon);
  list_push(&name->cluster->unwritten, &name->ledger->soon);
}

static void on_hurry(uv_timer_t *timer) {
  ledger_tick(container_of(timer, struct cluster, hurry));
}

/* Another machine is about to say something, and what is due waits for that. */
static void write_soon(struct cluster *cluster) {
  if (!cluster->stopping && !uv_is_active((uv_handle_t *)&cluster->hurry))
    uv_timer_start(&cluster->hurry, on_hurry, HURRY_MS, 0);
}

void drop_own_entry(struct ledger *ledger, struct own_entry *entry) {
  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is in the table
  HASH_DEL(ledger->own, entry);
  mem_free(entry->value);
  mem_free(entry);
}

static struct own_entry *find_own(const struct ledger *ledger,
                                  const char *field, size_t len) {
  struct own_entry *entry;
  HASH_FIND(hh, ledger->own, field, len, entry);
  return entry;
}

static struct own_entry *note_own(struct ledger *ledger, const char *field,
                                  size_t len, const char *value) {
  struct own_entry *entry = find_own(ledger, field, len);
  if (!entry) {
    entry = mem_alloc(sizeof *entry + len + 1);
    memcpy(entry->field, field, len);
    entry->len = len;
    entry->fresh = true;
    HASH_ADD_KEYPTR(hh, ledger->own, entry->field, len, entry);
  }
  mem_free(entry->value);
  entry->value = mem_strdup(value);
  entry->due = true;
  return entry;
}

/* --- writing
 * ------------------------------------------------------------------ */

/* That others were told of a name. */
struct listing {
  struct cluster *cluster;
  size_t len;
  char life[SELF_BYTES];
  char key[]; /* of the name */
};

void ledger_delist(const struct name *name) {
  const struct ledger *ledger = name->ledger;
  struct cluster *cluster = name->cluster;
  struct buf key = {0};
  if (!ledger || !ledger->listed || ledger->listing || !ledger->known ||
      ledger_owes(name))
    return;
  ledger_put_names_key(&key, cluster, cluster->life);
  const struct slice words[] = {
      word("SREM"), {key.data, key.len}, {name->key, name->len + 1}};
  size_t place = shards_are_slots(cluster->shards)
                     ? ledger_home(cluster, cluster->life)
                     : name->place;
  if (shards_command(cluster->shards, place, words, 3, NULL, NULL))
    cluster->counters.unsent++;
  buf_free(&key);
}

static void write_entries(struct name *name);

static void on_listed(void *arg, enum link_fate fate,
                      const struct reply *reply) {
  struct listing *listing = arg;
  struct cluster *cluster = listing->cluster;
  bool good = fate == LINK_ANSWERED && reply->kind == REPLY_NUMBER &&
              strcmp(listing->life, cluster->life) == 0;
  struct name *name = name_find(cluster, (enum name_kind)listing->key[0],
                                listing->key + 1, listing->len);
  if (name && name->ledger && name->ledger->listing) {
    name->ledger->listing = false;
    name->ledger->listed = good;
    if (good && name->confirmed && nodes_may_write(cluster))
      write_entries(name);
    else if (!good)
      note_unwritten(name);
  }
  mem_free(listing);
}

/* In a cluster what we have entries of stands at one place, and the entries at
 * another one: they are written when that has been answered. */
static void list_at_home(struct name *name) {
  struct cluster *cluster = name->cluster;
  struct buf key = {0};
  struct listing *listing = mem_alloc(sizeof *listing + name->len + 2);
  listing->cluster = cluster;
  listing->len = name->len;
  memcpy(listing->life, cluster->life, SELF_BYTES);
  memcpy(listing->key, name->key, name->len + 1);
  ledger_put_names_key(&key, cluster, cluster->life);
  const struct slice words[] = {
      word("SADD"), {key.data, key.len}, {name->key, name->len + 1}};
  name->ledger->listing = true;
  if (shards_command(cluster->shards, ledger_home(cluster, cluster->life),
                     words, 3, on_listed, listing))
    on_listed(listing, LINK_NOT_SENT, NULL);
  buf_free(&key);
}

/* Remembers, for whoever cleans up after us, that there may be entries. Whether
 * they can be written now. */
static bool enlist_name(struct name *name) {
  struct ledger *ledger = name->ledger;
  if (!shards_are_slots(name->cluster->shards)) {
    ledger->listed = true; /* by what writes the entry */
  } else if (!ledger->listed && !ledger->listing) {
    list_at_home(name);
  }
  return ledger->listed;
}

/* An entry that is being written. */
struct writing {
  struct cluster *cluster;
  bool gone;
  uint64_t number;
  size_t key_len, field_len;
  char text[]; /* the name's key, a zero, the field, a zero */
};

static struct writing *new_writing(const struct name *name,
                                   const struct own_entry *entry) {
  size_t key_len = name->len + 1;
  struct writing *writing =
      mem_alloc(sizeof *writing + key_len + entry->len + 2);
  writing->cluster = name->cluster;
  writing->gone = !*entry->value;
  writing->number = ++name->cluster->writings;
  writing->key_len = key_len;
  writing->field_len = entry->len;
  memcpy(writing->text, name->key, key_len);
  memcpy(writing->text + key_len + 1, entry->field, entry->len);
  return writing;
}

static void write_entry(struct name *name, struct own_entry *entry);

/* What was lost with the connection is written again at the next tick, or when
 * the name is heard. */
static void use_written(struct name *name, struct own_entry *entry,
                        const struct writing *writing, enum link_fate fate,
                        const struct reply *reply) {
  struct cluster *cluster = name->cluster;
  struct ledger_verdict verdict = ledger_verdict(cluster, fate, reply);
  entry->asked = 0;
  entry->repeats = !verdict.good && (entry->repeats || fate != LINK_NOT_SENT);
  entry->due |= !verdict.good || verdict.again;
  if (verdict.say)
    herald_say(cluster, name_text(name), verdict.claim);
  if (verdict.good && !verdict.again && !writing->gone)
    entry->said = SAID_ON;
  if (verdict.good && !entry->due && writing->gone)
    drop_own_entry(name->ledger, entry);
  else if (verdict.good && entry->due && (verdict.say || !verdict.again))
    write_entry(name, entry);
  else if (entry->due)
    note_unwritten(name);
  if (verdict.again)
    write_soon(cluster);
}

static void on_written(void *arg, enum link_fate fate,
                       const struct reply *reply) {
  struct writing *writing = arg;
  struct name *name =
      name_find(writing->cluster, (enum name_kind)writing->text[0],
                writing->text + 1, writing->key_len - 1);
  struct own_entry *entry =
      name && name->ledger
          ? find_own(name->ledger, writing->text + writing->key_len + 1,
                     writing->field_len)
          : NULL;
  if (entry && entry->asked == writing->number) /* else by another life */
    use_written(name, entry, writing, fate, reply);
  mem_free(writing);
}

static int send_entry(const struct name *name, const struct own_entry *entry,
                      struct writing *writing) {
  const struct ledger_change change = {.kind = (enum name_kind)name->key[0],
                                       .name = {name_text(name), name->len},
                                       .whose = name->cluster->life,
                                       .field = {entry->field, entry->len},
                                       .value = word(entry->value),
                                       .number = writing->number,
                                       .repeats = entry->repeats,
                                       .said = entry->said};
  return ledger_ask(name->cluster, &change, on_written, writing);
}

/* One answer is waited for, before the next value is written: so it is known
 * what may have been done if it does not come. That a user had come is told
 * with the first question after he has gone, and not once more: by then another
 * machine may have said that he has gone. */
static void write_entry(struct name *name, struct own_entry *entry) {
  if (entry->asked)
    return; /* it is due then */
  if (entry->fresh && !*entry->value) {
    drop_own_entry(name->ledger, entry);
    return;
  }
  struct writing *writing = new_writing(name, entry);
  bool may = name->key[0] != NAME_USER ||
             herald_has_told(name->cluster, name_text(name));
  if (!may || send_entry(name, entry, writing)) {
    entry->due = true;
    note_unwritten(name);
    mem_free(writing);
    return;
  }
  entry->asked = writing->number;
  entry->due = entry->fresh = false;
  if (entry->said == SAID_OFF || !*entry->value)
    entry->said = SAID_UNKNOWN;
}

void ledger_put(struct name *name, const char *field, size_t len,
                const char *value) {
  struct ledger *ledger = ensure_ledger(name);
  bool first = !ledger->own;
  struct own_entry *entry = note_own(ledger, field, len, value);
  if (!name->confirmed || !nodes_may_write(name->cluster))
    return; /* all is written then */
  if (shards_are_slots(name->cluster->shards) && !ledger->listed)
    first = true;
  if (first && !enlist_name(name))
    return; /* the same */
  write_entry(name, entry);
}

/* Redis may have an entry, or a claim, of which nothing is here. */
static struct own_entry *ask_about(struct name *name, const char *field,
                                   size_t len) {
  struct ledger *ledger = ensure_ledger(name);
  struct own_entry *entry = find_own(ledger, field, len);
  bool is_new = !entry;
  if (is_new)
    entry = note_own(ledger, field, len, "");
  entry->fresh = false;
  entry->due = true;
  note_unwritten(name);
  return is_new ? entry : NULL;
}

void ledger_take_back(struct name *name, const char *field, size_t len) {
  struct own_entry *entry = NULL;
  if (!find_own(name->ledger, field, len))
    entry = ask_about(name, field, len);
  if (entry)
    entry->said = SAID_OFF;
}

void ledger_look_again(struct cluster *cluster, const char *user) {
  struct name *name = name_hold(cluster, NAME_USER, user, strlen(user));
  (void)ask_about(name, "", 0);
  write_soon(cluster);
  name_drop(name);
}

static void write_entries(struct name *name) {
  struct own_entry *entry = NULL, *next = NULL;
  HASH_ITER (hh, name->ledger->own, entry, next)
    write_entry(name, entry);
}

void write_all_entries(struct name *name) {
  if (name->ledger && name->ledger->own && nodes_may_write(name->cluster) &&
      enlist_name(name))
    write_entries(name);
}

/* --- time and places ---------------------------------------------------- */

static void write_due(struct name *name) {
  struct own_entry *entry = NULL, *next = NULL;
  if (!name->confirmed || !nodes_may_write(name->cluster) || !enlist_name(name))
    return; /* all is written then */
  HASH_ITER (hh, name->ledger->own, entry, next)
    if (entry->due)
      write_entry(name, entry);
}

void ledger_tick(struct cluster *cluster) {
  struct list due, *node;
  list_init(&due);
  list_move(&cluster->unwritten, &due);
  while ((node = list_shift(&due)))
    write_due(container_of(node, struct ledger, soon)->name);
}

void ledger_write_withheld(struct cluster *cluster) {
  struct name *name = NULL, *next = NULL;
  if (!cluster->withheld)
    return;
  cluster->withheld = false;
  HASH_ITER (hh, cluster->names, name, next)
    if (name->confirmed)
      write_all_entries(name);
}

void ledger_places_down(struct cluster *cluster) {
  if (shards_are_slots(cluster->shards) &&
      !shards_is_there(cluster->shards, ledger_home(cluster, cluster->life)))
    cluster->home_lost = true;
}

void ledger_up(struct cluster *cluster) {
  struct name *name = NULL, *next = NULL;
  if (!cluster->home_lost ||
      !shards_is_there(cluster->shards, ledger_home(cluster, cluster->life)))
    return;
  cluster->home_lost = false;
  HASH_ITER (hh, cluster->names, name, next)
    if (name->ledger && name->ledger->own) {
      name->ledger->listed = false;
      (void)enlist_name(name);
    }
}

/* What is under way is of the life before, and its answer counts no more. If
 * others have taken this machine for dead, they have said of its users that
 * they have gone. */
static void begin_anew(const struct ledger *ledger, bool was_gone) {
  struct own_entry *entry = NULL, *next = NULL;
  HASH_ITER (hh, ledger->own, entry, next) {
    entry->asked = 0;
    entry->due = true;
    entry->repeats = false;
    if (was_gone)
      entry->said = SAID_UNKNOWN;
  }
}

void ledger_rename(struct cluster *cluster, bool was_gone) {
  struct name *name = NULL, *next = NULL;
  HASH_ITER (hh, cluster->names, name, next) {
    if (!name->ledger)
      continue;
    name->ledger->listed = name->ledger->listing = false;
    begin_anew(name->ledger, was_gone);
    if (name->confirmed)
      write_all_entries(name);
  }
}
