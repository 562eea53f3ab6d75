/* SPDX-License-Identifier: MIT
 * Which machines there are.
 *
 * Each has a lease, which it takes anew each second, by the clock of Redis. A
 * machine whose lease is over is dead, or as good as that: whoever sees it
 * first takes it out, which a script makes sure is one. Which machines there
 * are stands on one shard. */
#include "base/log.h"
#include "base/mem.h"
#include "cluster/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RETIRED_AT_ONCE = 16 };

static struct link *nodes_link(const struct cluster *cluster) {
  return shards_of(cluster->shards, "nodes", 5);
}

static void put_keys(const struct cluster *cluster, struct buf *ends,
                     struct buf *words) {
  char tag[SHARDS_TAG_BYTES];
  shards_tag("nodes", 5, tag);
  buf_printf(ends, "%s:%s:nodes", cluster->options.prefix, tag);
  buf_printf(words, "%s:%s:words", cluster->options.prefix, tag);
}

/* What it says of itself: JSON. */
static void describe(const struct cluster *cluster, struct buf *out) {
  uint32_t counts[BUS_WORKERS_MAX];
  uint32_t logged_in = whereabouts_of_all(cluster->bus->whereabouts, counts);
  buf_printf(out,
             "{\"name\":\"%s\",\"id\":\"%s\",\"version\":\"" PERIGEE_VERSION
             "\",\"pid\":%d,\"started\":%lld,\"workers\":%d,\"clients\":%u}",
             cluster->options.name, cluster->self_text, (int)getpid(),
             (long long)cluster->started_s, cluster->workers, logged_in);
}

/* --- taking others out -----------------------------------------------------
 */

static void on_retired(void *arg, enum link_fate fate,
                       const struct reply *reply) {
  struct cluster *cluster = arg;
  if (fate != LINK_ANSWERED || reply->kind != REPLY_NUMBER || !reply->number)
    return;
  cluster->counters.retired++;
  log_warn("redis: a machine was not heard of for node.lease_s and is gone; "
           "its clients are not counted any more");
}

static void retire(struct cluster *cluster, struct slice node, bool over,
                   link_answer_fn *done) {
  struct buf ends = {0}, words = {0}, channel = {0}, text = {0};
  put_keys(cluster, &ends, &words);
  channel_put(&channel, cluster, NAME_ALL, "", 0);
  buf_printf(&text, "N%c", over ? '1' : '0');
  buf_put(&text, node.at, node.len);
  const struct slice command[] = {word("EVALSHA"),
                                  word(cluster->shas[SCRIPT_RETIRE]),
                                  word("2"),
                                  {ends.data, ends.len},
                                  {words.data, words.len},
                                  node,
                                  word(over ? "1" : "0"),
                                  {channel.data, channel.len},
                                  {text.data, text.len}};
  if (link_command(nodes_link(cluster), command, 9, done, cluster) && !over)
    done(cluster, LINK_NOT_SENT, NULL);
  buf_free(&ends);
  buf_free(&words);
  buf_free(&channel);
  buf_free(&text);
}

/* --- the lease --------------------------------------------------------------
 */

static void on_leased(void *arg, enum link_fate fate,
                      const struct reply *reply) {
  struct cluster *cluster = arg;
  if (fate != LINK_ANSWERED || reply->kind != REPLY_LIST)
    return;
  struct reply known = reply_at(reply, 0);
  if (cluster->enlisted && known.number == 0)
    log_warn("redis: this machine was taken for dead: its lease was not "
             "renewed for node.lease_s");
  cluster->enlisted = true;
  for (size_t i = 1; i < reply->count; i++) {
    struct reply node = reply_at(reply, i);
    if (!reply_is(&node, cluster->self_text))
      retire(cluster, (struct slice){node.text, node.len}, true, on_retired);
  }
}

void nodes_tick(struct cluster *cluster) {
  struct buf ends = {0}, words = {0}, self = {0};
  char lease[24], most[8];
  if (cluster->stopping || !link_is_up(nodes_link(cluster)))
    return;
  put_keys(cluster, &ends, &words);
  describe(cluster, &self);
  snprintf(lease, sizeof lease, "%" PRIu64, cluster->options.lease_ms);
  snprintf(most, sizeof most, "%d", RETIRED_AT_ONCE);
  const struct slice command[] = {word("EVALSHA"),
                                  word(cluster->shas[SCRIPT_LEASE]),
                                  word("2"),
                                  {ends.data, ends.len},
                                  {words.data, words.len},
                                  word(cluster->self_text),
                                  word(lease),
                                  {self.data, self.len},
                                  word(most)};
  if (link_command(nodes_link(cluster), command, 9, on_leased, cluster))
    log_debug("redis: the lease of this machine was not renewed");
  buf_free(&ends);
  buf_free(&words);
  buf_free(&self);
}

/* --- the end ----------------------------------------------------------------
 */

static void on_left(void *arg, enum link_fate fate, const struct reply *reply) {
  struct cluster *cluster = arg;
  (void)fate;
  (void)reply;
  cluster->left(cluster);
}

void nodes_leave(struct cluster *cluster,
                 void (*done)(struct cluster *cluster)) {
  cluster->left = done;
  if (!cluster->enlisted) {
    done(cluster);
    return;
  }
  retire(cluster, word(cluster->self_text), false, on_left);
}

/* --- asking ------------------------------------------------------------------
 */

struct nodes_question {
  struct order order;
  cluster_nodes_fn *done;
  void *arg;
};

static void on_nodes(void *arg, enum link_fate fate,
                     const struct reply *reply) {
  struct nodes_question *question = arg;
  struct buf text = {0};
  bool good = fate == LINK_ANSWERED && reply->kind == REPLY_LIST;
  buf_putc(&text, '[');
  for (size_t i = 0; good && i < reply->count; i++) {
    struct reply node = reply_at(reply, i);
    if (i > 0)
      buf_putc(&text, ',');
    buf_put(&text, node.text, node.len);
  }
  buf_putc(&text, ']');
  question->done(question->arg, good ? &text : NULL);
  buf_free(&text);
  mem_free(question);
}

static void run_nodes(struct cluster *cluster, struct order *order) {
  struct nodes_question *question =
      container_of(order, struct nodes_question, order);
  struct buf ends = {0}, words = {0};
  put_keys(cluster, &ends, &words);
  const struct slice command[] = {word("HVALS"), {words.data, words.len}};
  if (link_command(nodes_link(cluster), command, 2, on_nodes, question))
    on_nodes(question, LINK_NOT_SENT, NULL);
  buf_free(&ends);
  buf_free(&words);
}

static void drop_nodes(struct order *order) {
  on_nodes(container_of(order, struct nodes_question, order), LINK_NOT_SENT,
           NULL);
}

void cluster_nodes(struct engine *engine, cluster_nodes_fn *done, void *arg) {
  struct nodes_question *question = mem_alloc(sizeof *question);
  question->order.run = run_nodes;
  question->order.drop = drop_nodes;
  question->done = done;
  question->arg = arg;
  order_post_take(cluster_of(engine), &question->order);
}
