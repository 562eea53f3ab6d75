/* SPDX-License-Identifier: MIT
 * Notices: what machines tell each other as machines.
 *
 * A notice comes by the channel of all, or of one machine. It may be lost, as
 * everything there: who sends one waits for an answer, and not for ever. What
 * must be the same for all is decided in Redis, by a script. */
#include "base/mem.h"
#include "cluster/parcel.h"
#include "cluster/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DECISION_S = 3600, NOTICE_NAME_BYTES = 255 };

/* --- hearing ---------------------------------------------------------------
 */

/* `T`, the kind, who sends it, what it is about, its name, the text. */
bool notice_heard(struct name *name, struct slice payload) {
  struct cluster *cluster = name->cluster;
  struct cluster_notice notice = {0};
  uint64_t kind, name_len;
  if (payload.len == 0 || *payload.at != 'T' ||
      (name->key[0] != NAME_ALL && name->key[0] != NAME_NODE))
    return false;
  payload = slice_after(payload, 1);
  if (!parcel_take_number(&payload, 1, &kind) ||
      !parcel_take_number(&payload, 8, &notice.from) ||
      !parcel_take_number(&payload, 8, &notice.about) ||
      !parcel_take_number(&payload, 1, &name_len) ||
      !parcel_take(&payload, name_len, &notice.name))
    return false;
  notice.kind = (char)kind;
  notice.text = payload;
  if (cluster->notice_heard)
    cluster->notice_heard(cluster->notice_arg, &notice);
  return true;
}

/* --- sending ---------------------------------------------------------------
 */

static void put_notice(struct buf *out, const struct cluster *cluster,
                       char kind, uint64_t about, struct slice text) {
  struct slice name = word(cluster->options.name);
  if (name.len > NOTICE_NAME_BYTES)
    name.len = NOTICE_NAME_BYTES;
  buf_putc(out, 'T');
  buf_putc(out, kind);
  parcel_put_number(out, cluster->self, 8);
  parcel_put_number(out, about, 8);
  parcel_put_number(out, name.len, 1);
  buf_put(out, name.at, name.len);
  buf_put(out, text.at, text.len);
}

struct notice_order {
  struct order order;
  uint64_t to, about;
  char kind;
  struct buf text;
};

static void free_notice_order(struct order *order) {
  struct notice_order *notice = container_of(order, struct notice_order, order);
  buf_free(&notice->text);
  mem_free(notice);
}

static void run_notify(struct cluster *cluster, struct order *order) {
  struct notice_order *notice = container_of(order, struct notice_order, order);
  struct buf channel = {0}, bytes = {0};
  char target[SELF_BYTES] = "";
  size_t len = notice->to ? SELF_BYTES - 1 : 0;
  if (notice->to)
    snprintf(target, sizeof target, "%016" PRIx64, notice->to);
  channel_put(&channel, cluster, notice->to ? NAME_NODE : NAME_ALL, target,
              len);
  put_notice(&bytes, cluster, notice->kind, notice->about,
             (struct slice){notice->text.data, notice->text.len});
  const struct slice words[] = {publish_word(cluster),
                                {channel.data, channel.len},
                                {bytes.data, bytes.len}};
  size_t place =
      name_place(cluster, notice->to ? NAME_NODE : NAME_ALL, target, len);
  if (shards_command(cluster->shards, place, words, 3, NULL, NULL))
    cluster->counters.unsent++;
  buf_free(&channel);
  buf_free(&bytes);
  free_notice_order(order);
}

static void run_decide(struct cluster *cluster, struct order *order) {
  struct notice_order *notice = container_of(order, struct notice_order, order);
  struct buf key = {0}, channel = {0}, head = {0};
  char tag[SHARDS_TAG_BYTES], known_s[16];
  shards_tag("nodes", 5, tag); /* where the channel of all is, too */
  buf_printf(&key, "%s:%s:decided:%016" PRIx64, cluster->options.prefix, tag,
             notice->about);
  channel_put(&channel, cluster, NAME_ALL, "", 0);
  put_notice(&head, cluster, notice->kind, notice->about,
             (struct slice){"", 0});
  snprintf(known_s, sizeof known_s, "%d", DECISION_S);
  const struct slice words[] = {word("EVALSHA"),
                                word(cluster->shas[SCRIPT_DECIDE]),
                                word("1"),
                                {key.data, key.len},
                                {notice->text.data, notice->text.len},
                                word(known_s),
                                {channel.data, channel.len},
                                {head.data, head.len}};
  size_t place = name_place(cluster, NAME_ALL, "", 0);
  if (shards_command(cluster->shards, place, words, 8, NULL, NULL))
    cluster->counters.unsent++;
  buf_free(&key);
  buf_free(&channel);
  buf_free(&head);
  free_notice_order(order);
}

static void post_notice(struct engine *engine, uint64_t to, char kind,
                        uint64_t about, struct slice text,
                        void (*run)(struct cluster *cluster,
                                    struct order *order)) {
  struct notice_order *notice = mem_alloc(sizeof *notice);
  notice->order.run = run;
  notice->order.drop = free_notice_order;
  notice->to = to;
  notice->about = about;
  notice->kind = kind;
  buf_put(&notice->text, text.at, text.len);
  order_post_take(cluster_of(engine), &notice->order);
}

void cluster_notify(struct engine *engine, uint64_t to, char kind,
                    uint64_t about, struct slice text) {
  post_notice(engine, to, kind, about, text, run_notify);
}

void cluster_decide(struct engine *engine, char kind, uint64_t about,
                    struct slice proposal) {
  post_notice(engine, 0, kind, about, proposal, run_decide);
}

/* --- who listens ------------------------------------------------------------
 */

struct listen_order {
  struct order order;
  cluster_notice_fn *heard;
  void *arg;
};

static void free_listen_order(struct order *order) {
  mem_free(container_of(order, struct listen_order, order));
}

static void run_listen(struct cluster *cluster, struct order *order) {
  struct listen_order *listen = container_of(order, struct listen_order, order);
  cluster->notice_heard = listen->heard;
  cluster->notice_arg = listen->arg;
  free_listen_order(order);
}

void cluster_listen(struct engine *engine, cluster_notice_fn *heard,
                    void *arg) {
  struct listen_order *listen = mem_alloc(sizeof *listen);
  listen->order.run = run_listen;
  listen->order.drop = free_listen_order;
  listen->heard = heard;
  listen->arg = arg;
  order_post_take(cluster_of(engine), &listen->order);
}

uint64_t cluster_self(const struct engine *engine) {
  return cluster_of((struct engine *)engine)->self;
}

const char *cluster_name(const struct engine *engine) {
  return cluster_of((struct engine *)engine)->options.name;
}
