/* SPDX-License-Identifier: MIT
 * The ledger of a name: what this machine writes.
 *
 * Others have to know, when this machine is dead, of what it has entries: that
 * is told first. */
#include "cluster/ledger_state.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* --- entries ----------------------------------------------------------------
 */

struct ledger *ensure_ledger(struct name *name) {
  if (name->ledger)
    return name->ledger;
  name->ledger = mem_alloc(sizeof *name->ledger);
  list_init(&name->ledger->others);
  list_init(&name->ledger->heard);
  name->ledger->wanted = name->key[0] == NAME_USER;
  return name->ledger;
}

static void note_unwritten(struct name *name) {
  name->ledger->unwritten = true;
  name->cluster->unwritten = true;
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
  entry->fresh |= entry->surplus && *value;
  entry->surplus &= !*value;
  mem_free(entry->value);
  entry->value = mem_strdup(value);
  return entry;
}

/* --- keys
 * --------------------------------------------------------------------- */

/* How the keys of entries begin; the machine follows. */
void ledger_put_entries_prefix(struct buf *out, const struct cluster *cluster,
                               enum name_kind kind, const char *text,
                               size_t len) {
  char tag[SHARDS_TAG_BYTES];
  shards_tag(text, len, tag);
  buf_printf(out, "%s:%s:%c%c:%zu:", cluster->options.prefix, tag, (char)kind,
             'p', len);
  buf_put(out, text, len);
  buf_putc(out, ':');
}

void ledger_put_machines_key(struct buf *out, const struct cluster *cluster,
                             enum name_kind kind, const char *text,
                             size_t len) {
  char tag[SHARDS_TAG_BYTES];
  shards_tag(text, len, tag);
  buf_printf(out, "%s:%s:%c%c:", cluster->options.prefix, tag, (char)kind, 'n');
  buf_put(out, text, len);
}

/* Of what a machine has entries, at one place. */
void ledger_put_names_key(struct buf *out, const struct cluster *cluster,
                          const char *life) {
  char tag[SHARDS_TAG_BYTES];
  buf_printf(out, "%s:", cluster->options.prefix);
  if (shards_are_slots(cluster->shards)) {
    shards_tag(life, LIFE_BYTES, tag);
    buf_printf(out, "%s:", tag);
  }
  buf_printf(out, "names:%s", life);
}

size_t ledger_home(const struct cluster *cluster, const char *life) {
  return shards_find(cluster->shards, life, LIFE_BYTES);
}

size_t ledger_list_count(const struct cluster *cluster) {
  return shards_are_slots(cluster->shards) ? 1 : shards_count(cluster->shards);
}

size_t ledger_list_place(const struct cluster *cluster, const char *life,
                         size_t i) {
  return shards_are_slots(cluster->shards) ? ledger_home(cluster, life) : i;
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

static void command_list(const struct name *name, const char *what) {
  struct cluster *cluster = name->cluster;
  struct buf key = {0};
  ledger_put_names_key(&key, cluster, cluster->life);
  const struct slice words[] = {
      word(what), {key.data, key.len}, {name->key, name->len + 1}};
  size_t place = shards_are_slots(cluster->shards)
                     ? ledger_home(cluster, cluster->life)
                     : name->place;
  if (shards_command(cluster->shards, place, words, 3, NULL, NULL))
    cluster->counters.unsent++;
  buf_free(&key);
}

void ledger_delist(const struct name *name) {
  const struct ledger *ledger = name->ledger;
  if (ledger && ledger->listed && !ledger->listing && ledger->known &&
      !ledger->own && ledger->answered == ledger->sent)
    command_list(name, "SREM");
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
    command_list(name, "SADD");
    ledger->listed = true;
  } else if (!ledger->listed && !ledger->listing) {
    list_at_home(name);
  }
  return ledger->listed;
}

/* What an entry was written for. */
struct writing {
  struct cluster *cluster;
  bool fresh, gone, surplus;
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
  writing->fresh = entry->fresh;
  writing->gone = !*entry->value;
  writing->surplus = entry->surplus;
  writing->number = ++name->cluster->writings;
  writing->key_len = key_len;
  writing->field_len = entry->len;
  memcpy(writing->text, name->key, key_len);
  memcpy(writing->text + key_len + 1, entry->field, entry->len);
  return writing;
}

/* It may not stand in Redis: it is written again, at the next tick if the name
 * is heard, or when it is. */
static void write_again(const struct writing *writing) {
  struct name *name =
      name_hold(writing->cluster, (enum name_kind)writing->text[0],
                writing->text + 1, writing->key_len - 1);
  struct ledger *ledger = ensure_ledger(name);
  const char *field = writing->text + writing->key_len + 1;
  struct own_entry *entry = find_own(ledger, field, writing->field_len);
  if (!entry && writing->gone) {
    entry = note_own(ledger, field, writing->field_len, "");
    entry->surplus = writing->surplus;
  }
  if (entry)
    entry->fresh = writing->fresh;
  note_unwritten(name);
  name_drop(name);
}

/* The first machine that has a user says that he is online, the last one that
 * he is not. */
static void say_written(const struct writing *writing) {
  if (writing->text[0] == NAME_USER && !writing->surplus &&
      (writing->fresh || writing->gone))
    whereabouts_say_user(writing->cluster->bus->whereabouts, writing->text + 1,
                         !writing->gone);
}

static void note_answered(const struct writing *writing) {
  struct name *name =
      name_find(writing->cluster, (enum name_kind)writing->text[0],
                writing->text + 1, writing->key_len - 1);
  if (name && name->ledger)
    name->ledger->answered = writing->number;
}

static void on_written(void *arg, enum link_fate fate,
                       const struct reply *reply) {
  struct writing *writing = arg;
  bool good = fate == LINK_ANSWERED && reply->kind == REPLY_NUMBER;
  bool alone = good && reply->number == 0;
  if (!good)
    write_again(writing);
  if (alone)
    say_written(writing);
  note_answered(writing);
  mem_free(writing);
}

static void put_delta(struct buf *out, const struct cluster *cluster,
                      const char *field, size_t len, const char *value) {
  buf_putc(out, 'D');
  buf_put(out, cluster->life, LIFE_BYTES);
  buf_printf(out, "%zu:", len);
  buf_put(out, field, len);
  buf_puts(out, value);
}

static int send_entry(struct name *name, const struct own_entry *own,
                      struct writing *writing) {
  struct cluster *cluster = name->cluster;
  enum name_kind kind = (enum name_kind)name->key[0];
  struct buf entries = {0}, machines = {0}, channel = {0}, delta = {0};
  ledger_put_entries_prefix(&entries, cluster, kind, name_text(name),
                            name->len);
  buf_put(&entries, cluster->life, LIFE_BYTES);
  ledger_put_machines_key(&machines, cluster, kind, name_text(name), name->len);
  channel_put(&channel, cluster, kind, name_text(name), name->len);
  put_delta(&delta, cluster, own->field, own->len, own->value);
  const struct slice words[] = {word("EVALSHA"),
                                word(cluster->shas[SCRIPT_LEDGER_PUT]),
                                word("2"),
                                {entries.data, entries.len},
                                {machines.data, machines.len},
                                word(cluster->life),
                                {own->field, own->len},
                                word(own->value),
                                {channel.data, channel.len},
                                {delta.data, delta.len}};
  int rc = name_command(name, words, 10, on_written, writing);
  buf_free(&entries);
  buf_free(&machines);
  buf_free(&channel);
  buf_free(&delta);
  return rc;
}

static void write_entry(struct name *name, struct own_entry *entry) {
  struct writing *writing = new_writing(name, entry);
  bool never_was = writing->fresh && writing->gone;
  int rc = never_was ? 0 : send_entry(name, entry, writing);
  entry->fresh = false;
  if (!never_was)
    name->ledger->sent = writing->number;
  if (writing->gone)
    drop_own_entry(name->ledger, entry);
  if (never_was)
    mem_free(writing);
  else if (rc < 0)
    on_written(writing, LINK_NOT_SENT, NULL);
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

void ledger_take_back(struct name *name, const char *field, size_t len) {
  struct ledger *ledger = name->ledger;
  if (find_own(ledger, field, len))
    return;
  struct own_entry *entry = note_own(ledger, field, len, "");
  entry->fresh = false;
  entry->surplus = true;
  note_unwritten(name);
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

void ledger_tick(struct cluster *cluster) {
  struct name *name = NULL, *next = NULL;
  if (!cluster->unwritten)
    return;
  cluster->unwritten = false;
  HASH_ITER (hh, cluster->names, name, next) {
    if (!name->ledger || !name->ledger->unwritten || !name->confirmed)
      continue;
    name->ledger->unwritten = false;
    write_all_entries(name);
  }
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

static void make_fresh(const struct ledger *ledger) {
  struct own_entry *entry = NULL, *next = NULL;
  HASH_ITER (hh, ledger->own, entry, next)
    entry->fresh = true;
}

void ledger_rename(struct cluster *cluster, bool was_gone) {
  struct name *name = NULL, *next = NULL;
  HASH_ITER (hh, cluster->names, name, next) {
    if (name->ledger)
      name->ledger->listed = name->ledger->listing = false;
    if (was_gone && name->ledger)
      make_fresh(name->ledger);
    if (name->confirmed)
      write_all_entries(name);
  }
}
