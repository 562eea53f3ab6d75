/* SPDX-License-Identifier: MIT
 * The ledger of a name: its keys, and what Redis is asked about it. */
#include "cluster/ledger_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
  CLAIM_S = 60,     /* the least that a claim lives, */
  CLAIM_LEASES = 6, /* and the same, in leases: one that nobody has ends */
  KEYS_MAX = 5
};

/* --- keys ---------------------------------------------------------------- */

/* Of a machine, which follows: `p`, its entries; `f`, what it says too late. */
static void put_prefix(struct buf *out, const struct cluster *cluster,
                       enum name_kind kind, char what, struct slice name) {
  char tag[SHARDS_TAG_BYTES];
  shards_tag(name.at, name.len, tag);
  buf_printf(out, "%s:%s:%c%c:%zu:", cluster->options.prefix, tag, (char)kind,
             what, name.len);
  buf_put(out, name.at, name.len);
  buf_putc(out, ':');
}

/* Of all of them: `n`, which ones there are; `s`, the claim of a user. */
static void put_common_key(struct buf *out, const struct cluster *cluster,
                           enum name_kind kind, char what, struct slice name) {
  char tag[SHARDS_TAG_BYTES];
  shards_tag(name.at, name.len, tag);
  buf_printf(out, "%s:%s:%c%c:", cluster->options.prefix, tag, (char)kind,
             what);
  buf_put(out, name.at, name.len);
}

void ledger_put_entries_prefix(struct buf *out, const struct cluster *cluster,
                               enum name_kind kind, const char *text,
                               size_t len) {
  put_prefix(out, cluster, kind, 'p', (struct slice){text, len});
}

void ledger_put_machines_key(struct buf *out, const struct cluster *cluster,
                             enum name_kind kind, const char *text,
                             size_t len) {
  put_common_key(out, cluster, kind, 'n', (struct slice){text, len});
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

/* --- changes and claims -------------------------------------------------- */

static void write_claim_s(const struct cluster *cluster, char out[24]) {
  uint64_t s = cluster->options.lease_ms * CLAIM_LEASES / 1000;
  snprintf(out, 24, "%" PRIu64, s > CLAIM_S ? s : (uint64_t)CLAIM_S);
}

static void put_delta(struct buf *out, const struct cluster *cluster,
                      const struct ledger_change *change) {
  buf_putc(out, 'D');
  buf_put(out, cluster->life, LIFE_BYTES);
  buf_printf(out, "%zu:", change->field.len);
  buf_put(out, change->field.at, change->field.len);
  buf_put(out, change->value.at, change->value.len);
}

static void put_change_keys(const struct cluster *cluster,
                            const struct ledger_change *change,
                            struct buf keys[KEYS_MAX]) {
  put_prefix(&keys[0], cluster, change->kind, 'p', change->name);
  buf_put(&keys[0], change->whose, LIFE_BYTES);
  put_common_key(&keys[1], cluster, change->kind, 'n', change->name);
  put_prefix(&keys[2], cluster, change->kind, 'f', change->name);
  buf_put(&keys[2], cluster->life, LIFE_BYTES);
  put_prefix(&keys[3], cluster, change->kind, 'f', change->name);
  buf_put(&keys[3], change->whose, LIFE_BYTES);
  put_common_key(&keys[4], cluster, change->kind, 's', change->name);
}

int ledger_ask(struct cluster *cluster, const struct ledger_change *change,
               link_answer_fn *done, void *arg) {
  static const char *const said[] = {"", "+", "-"};
  struct buf keys[KEYS_MAX] = {{0}}, channel = {0}, delta = {0}, list = {0},
             entry = {0};
  struct slice words[3 + KEYS_MAX + 14];
  size_t n = 0, key_count = change->kind == NAME_USER ? 5 : 4;
  char number[24], claim_s[24], fence_s[8];
  snprintf(number, sizeof number, "%" PRIu64, change->number);
  write_claim_s(cluster, claim_s);
  snprintf(fence_s, sizeof fence_s, "%d", LEDGER_FENCE_S);
  put_change_keys(cluster, change, keys);
  channel_put(&channel, cluster, change->kind, change->name.at,
              change->name.len);
  put_delta(&delta, cluster, change);
  if (!shards_are_slots(cluster->shards))
    ledger_put_names_key(&list, cluster, cluster->life);
  buf_putc(&entry, (char)change->kind);
  buf_put(&entry, change->name.at, change->name.len);
  words[n++] = word("EVALSHA");
  words[n++] = word(cluster->shas[SCRIPT_LEDGER_PUT]);
  words[n++] = word(key_count == 5 ? "5" : "4");
  for (size_t i = 0; i < key_count; i++)
    words[n++] = (struct slice){keys[i].data, keys[i].len};
  words[n++] = word(change->whose);
  words[n++] = word(cluster->life);
  words[n++] = change->field;
  words[n++] = change->value;
  words[n++] = (struct slice){channel.data, channel.len};
  words[n++] = (struct slice){delta.data, delta.len};
  words[n++] = word(number);
  words[n++] = word(change->repeats ? "1" : "0");
  words[n++] = word(said[change->said]);
  words[n++] = word(cluster->former);
  words[n++] = word(claim_s);
  words[n++] = word(fence_s);
  words[n++] = (struct slice){list.data, list.len};
  words[n++] = (struct slice){entry.data, entry.len};
  size_t place =
      name_place(cluster, change->kind, change->name.at, change->name.len);
  int err = shards_command(cluster->shards, place, words, n, done, arg);
  for (size_t i = 0; i < KEYS_MAX; i++)
    buf_free(&keys[i]);
  buf_free(&channel);
  buf_free(&delta);
  buf_free(&list);
  buf_free(&entry);
  return err;
}

struct ledger_verdict ledger_verdict(struct cluster *cluster,
                                     enum link_fate fate,
                                     const struct reply *reply) {
  struct ledger_verdict verdict = {0};
  if (fate != LINK_ANSWERED || reply->kind != REPLY_LIST ||
      reply_at(reply, 0).number < 0 || !nodes_may_write(cluster))
    return verdict;
  struct reply claim = reply_at(reply, 1);
  verdict.good = true;
  verdict.say = reply_at(reply, 0).number & 1;
  verdict.again = reply_at(reply, 0).number & 2;
  verdict.claim = (struct slice){claim.text, claim.len};
  return verdict;
}

int ledger_acknowledge(struct cluster *cluster, const char *user,
                       const char *claim, link_answer_fn *done, void *arg) {
  struct slice name = word(user);
  struct buf key = {0}, machines = {0}, fence = {0};
  char claim_s[24];
  write_claim_s(cluster, claim_s);
  put_common_key(&key, cluster, NAME_USER, 's', name);
  put_common_key(&machines, cluster, NAME_USER, 'n', name);
  put_prefix(&fence, cluster, NAME_USER, 'f', name);
  buf_put(&fence, claim + 1, LIFE_BYTES); /* who has claimed it */
  const struct slice words[] = {word("EVALSHA"),
                                word(cluster->shas[SCRIPT_LEDGER_ACK]),
                                word("3"),
                                {key.data, key.len},
                                {machines.data, machines.len},
                                {fence.data, fence.len},
                                word(claim),
                                word(claim_s)};
  int err = shards_command(cluster->shards,
                           name_place(cluster, NAME_USER, user, name.len),
                           words, 8, done, arg);
  buf_free(&key);
  buf_free(&machines);
  buf_free(&fence);
  return err;
}
