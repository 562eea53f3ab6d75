/* SPDX-License-Identifier: MIT
 * Cleaning up after a machine.
 *
 * On each Redis stands of which names a machine has had entries. They are
 * deleted one by one, so that nothing holds Redis for long. Who says of a user
 * that he has gone is claimed with that (cluster/herald), also when two clean
 * up at the same time. While another machine is about to say something of him,
 * the cleaning is not done: the next lease begins it once more. */
#include "cluster/sweep.h"

#include "base/mem.h"
#include "cluster/herald.h"
#include "cluster/ledger_state.h"

#include <stdio.h>
#include <string.h>

struct cleaning {
  struct cluster *cluster;
  void (*done)(struct cluster *cluster, const char *life);
  char life[SELF_BYTES];
  char me[SELF_BYTES]; /* by which it was asked */
  size_t places;       /* whose names are not known yet */
  size_t waiting;      /* answers */
  bool failed;
};

/* A name: for the verdict about a user. */
struct cleaning_name {
  struct cleaning *cleaning;
  size_t len;
  char key[];
};

/* What is still to be done, while it is. */
static void put_rest_key(struct buf *out, const struct cluster *cluster,
                         const char *life) {
  ledger_put_names_key(out, cluster, life);
  buf_puts(out, ":rest");
}

/* Only now: what has failed is done again, by these names. */
static void forget_lists(struct cleaning *cleaning) {
  struct cluster *cluster = cleaning->cluster;
  struct buf key = {0};
  put_rest_key(&key, cluster, cleaning->life);
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
  struct cluster *cluster = cleaning->cluster;
  struct ledger_verdict verdict = ledger_verdict(cluster, fate, reply);
  /* What another life has claimed is asked for once more. */
  bool good = verdict.good && strcmp(cleaning->me, cluster->life) == 0;
  cleaning->failed |= !good || verdict.again;
  if (good && verdict.say)
    herald_say(cluster, name->key + 1, verdict.claim);
  mem_free(name);
  cleaning->waiting--;
  end_cleaning(cleaning);
}

static void clean_name(struct cleaning *cleaning, struct slice key) {
  struct cluster *cluster = cleaning->cluster;
  struct cleaning_name *name = mem_alloc(sizeof *name + key.len + 1);
  name->cleaning = cleaning;
  name->len = key.len;
  memcpy(name->key, key.at, key.len);
  const struct ledger_change change = {.kind = (enum name_kind)key.at[0],
                                       .name = {name->key + 1, key.len - 1},
                                       .whose = cleaning->life,
                                       .field = word(""),
                                       .value = word(""),
                                       .number = ++cluster->writings,
                                       .repeats = true};
  bool may =
      change.kind != NAME_USER || herald_has_told(cluster, name->key + 1);
  if (!may || ledger_ask(cluster, &change, on_cleaned, name)) {
    cleaning->failed = true;
    mem_free(name);
  } else {
    cleaning->waiting++;
  }
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
  struct buf key = {0}, rest = {0};
  char fence_s[8];
  size_t count = ledger_list_count(cluster);
  cleaning->cluster = cluster;
  cleaning->done = done;
  cleaning->places = count;
  snprintf(cleaning->life, sizeof cleaning->life, "%s", life);
  memcpy(cleaning->me, cluster->life, SELF_BYTES);
  ledger_put_names_key(&key, cluster, life);
  put_rest_key(&rest, cluster, life);
  snprintf(fence_s, sizeof fence_s, "%d", LEDGER_FENCE_S);
  const struct slice words[] = {word("EVALSHA"),
                                word(cluster->shas[SCRIPT_CONDEMNED]),
                                word("2"),
                                {key.data, key.len},
                                {rest.data, rest.len},
                                word(fence_s)};
  for (size_t i = 0; i < count; i++)
    if (shards_command(cluster->shards,
                       ledger_list_place(cluster, cleaning->life, i), words, 6,
                       on_names, cleaning)) {
      cleaning->failed = true;
      cleaning->places--;
    }
  buf_free(&key);
  buf_free(&rest);
  end_cleaning(cleaning);
}

/* --- what was left behind ------------------------------------------------- */

struct left_behind {
  struct cluster *cluster;
  char life[SELF_BYTES];
};

/* Whoever takes the machine out now finds the name. */
static void on_put_back(void *arg, enum link_fate fate,
                        const struct reply *reply) {
  struct left_behind *left = arg;
  if (fate == LINK_ANSWERED && reply->kind == REPLY_NUMBER)
    nodes_notice_now(left->cluster, left->life);
  mem_free(left);
}

void sweep_put_back(const struct name *name, const char *life) {
  struct cluster *cluster = name->cluster;
  struct buf rest = {0};
  if (!shards_are_slots(cluster->shards) || cluster->stopping)
    return;
  struct left_behind *left = mem_alloc(sizeof *left);
  left->cluster = cluster;
  snprintf(left->life, sizeof left->life, "%s", life);
  put_rest_key(&rest, cluster, life);
  const struct slice words[] = {
      word("SADD"), {rest.data, rest.len}, {name->key, name->len + 1}};
  if (shards_command(cluster->shards, ledger_home(cluster, life), words, 3,
                     on_put_back, left))
    mem_free(left);
  buf_free(&rest);
}
