/* SPDX-License-Identifier: MIT
 * What Redis has of this machine, and what it should have. */
#include "cluster/revise.h"

#include "base/mem.h"
#include "cluster/ledger_state.h"

#include <string.h>

struct revision {
  struct cluster *cluster;
  char life[SELF_BYTES]; /* by which it was asked */
};

static void revise_name(struct cluster *cluster, const struct reply *key) {
  enum name_kind kind = (enum name_kind)key->text[0];
  if ((kind != NAME_ROOM && kind != NAME_USER) ||
      name_find(cluster, kind, key->text + 1, key->len - 1))
    return;
  struct name *name = name_hold(cluster, kind, key->text + 1, key->len - 1);
  ensure_ledger(name)->listed = true;
  name_drop(name);
}

static void on_own_names(void *arg, enum link_fate fate,
                         const struct reply *reply) {
  struct revision *revision = arg;
  bool good = fate == LINK_ANSWERED && reply->kind == REPLY_LIST &&
              strcmp(revision->life, revision->cluster->life) == 0;
  for (size_t i = 0; good && i < reply->count; i++) {
    struct reply key = reply_at(reply, i);
    if (key.kind == REPLY_TEXT && key.len > 1)
      revise_name(revision->cluster, &key);
  }
  mem_free(revision);
}

void revise_names(struct cluster *cluster) {
  struct buf key = {0};
  if (!cluster->enlisted || cluster->stopping)
    return;
  ledger_put_names_key(&key, cluster, cluster->life);
  const struct slice words[] = {word("SMEMBERS"), {key.data, key.len}};
  for (size_t i = 0; i < ledger_list_count(cluster); i++) {
    struct revision *revision = mem_alloc(sizeof *revision);
    revision->cluster = cluster;
    memcpy(revision->life, cluster->life, SELF_BYTES);
    if (shards_command(cluster->shards,
                       ledger_list_place(cluster, cluster->life, i), words, 2,
                       on_own_names, revision))
      mem_free(revision);
  }
  buf_free(&key);
}
