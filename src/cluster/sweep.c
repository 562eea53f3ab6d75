/* SPDX-License-Identifier: MIT
 * Cleaning up after a machine.
 *
 * On each Redis stands of which names a machine has had entries. They are
 * deleted one by one, so that nothing holds Redis for long. Each of these steps
 * says whether there was something; so who was the last of a user's machines
 * to go is known once, also when two clean up at the same time. */
#include "cluster/sweep.h"

#include "base/mem.h"
#include "cluster/ledger.h"

#include <stdio.h>
#include <string.h>

enum { LIFE_BYTES = SELF_BYTES - 1 };

struct cleaning {
  struct cluster *cluster;
  void (*done)(struct cluster *cluster, const char *life);
  char life[SELF_BYTES];
  size_t places;  /* whose names are not known yet */
  size_t waiting; /* answers */
  bool failed;
};

/* A name: for the verdict about a user. */
struct cleaning_name {
  struct cleaning *cleaning;
  size_t len;
  char key[];
};

/* Only now: what has failed is done again, by these names. */
static void forget_lists(struct cleaning *cleaning) {
  struct cluster *cluster = cleaning->cluster;
  struct buf key = {0};
  ledger_put_names_key(&key, cluster, cleaning->life);
  const struct slice words[] = {word("UNLINK"), {key.data, key.len}};
  for (size_t i = 0; i < ledger_list_count(cluster); i++)
    cleaning->failed |=
        shards_command(cluster->shards,
                       ledger_list_place(cluster, cleaning->life, i), words, 2,
                       NULL, NULL) < 0;
  buf_free(&key);
}

static void end_cleaning(struct cleaning *cleaning) {
  if (cleaning->places > 0 || cleaning->waiting > 0)
    return;
  if (!cleaning->failed)
    forget_lists(cleaning);
  if (!cleaning->failed)
    cleaning->done(cleaning->cluster, cleaning->life);
  mem_free(cleaning);
}

static void on_cleaned(void *arg, enum link_fate fate,
                       const struct reply *reply) {
  struct cleaning_name *name = arg;
  struct cleaning *cleaning = name->cleaning;
  bool good = fate == LINK_ANSWERED && reply->kind == REPLY_LIST;
  cleaning->failed |= !good;
  if (good && name->key[0] == NAME_USER && reply_at(reply, 0).number == 1 &&
      reply_at(reply, 1).number == 0)
    whereabouts_say_user(cleaning->cluster->bus->whereabouts, name->key + 1,
                         false);
  mem_free(name);
  cleaning->waiting--;
  end_cleaning(cleaning);
}

static void clean_name(struct cleaning *cleaning, struct slice key) {
  struct cluster *cluster = cleaning->cluster;
  struct buf entries = {0}, machines = {0};
  struct cleaning_name *name = mem_alloc(sizeof *name + key.len + 1);
  name->cleaning = cleaning;
  name->len = key.len;
  memcpy(name->key, key.at, key.len);
  ledger_put_entries_prefix(&entries, cluster, (enum name_kind)key.at[0],
                            key.at + 1, key.len - 1);
  buf_put(&entries, cleaning->life, LIFE_BYTES);
  ledger_put_machines_key(&machines, cluster, (enum name_kind)key.at[0],
                          key.at + 1, key.len - 1);
  const struct slice words[] = {word("EVALSHA"),
                                word(cluster->shas[SCRIPT_LEDGER_DROP]),
                                word("2"),
                                {entries.data, entries.len},
                                {machines.data, machines.len},
                                word(cleaning->life)};
  size_t place =
      name_place(cluster, (enum name_kind)key.at[0], key.at + 1, key.len - 1);
  if (shards_command(cluster->shards, place, words, 6, on_cleaned, name)) {
    cleaning->failed = true;
    mem_free(name);
  } else {
    cleaning->waiting++;
  }
  buf_free(&entries);
  buf_free(&machines);
}

static void on_names(void *arg, enum link_fate fate,
                     const struct reply *reply) {
  struct cleaning *cleaning = arg;
  cleaning->places--;
  cleaning->failed |= fate != LINK_ANSWERED || reply->kind != REPLY_LIST;
  for (size_t i = 0; !cleaning->failed && i < reply->count; i++) {
    struct reply name = reply_at(reply, i);
    if (name.len > 0)
      clean_name(cleaning, (struct slice){name.text, name.len});
  }
  end_cleaning(cleaning);
}

void sweep_machine(struct cluster *cluster, const char *life,
                   void (*done)(struct cluster *cluster, const char *life)) {
  struct cleaning *cleaning = mem_alloc(sizeof *cleaning);
  struct buf key = {0};
  size_t count = ledger_list_count(cluster);
  cleaning->cluster = cluster;
  cleaning->done = done;
  cleaning->places = count;
  snprintf(cleaning->life, sizeof cleaning->life, "%s", life);
  ledger_put_names_key(&key, cluster, life);
  const struct slice words[] = {word("SMEMBERS"), {key.data, key.len}};
  for (size_t i = 0; i < count; i++)
    if (shards_command(cluster->shards,
                       ledger_list_place(cluster, cleaning->life, i), words, 2,
                       on_names, cleaning)) {
      cleaning->failed = true;
      cleaning->places--;
    }
  buf_free(&key);
  end_cleaning(cleaning);
}
