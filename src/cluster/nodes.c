/* SPDX-License-Identifier: MIT
 * Which machines there are.
 *
 * Each has a lease, which it takes anew each second (three times as often as it
 * ends, if that is more), by the clock of Redis. A machine whose lease is over
 * is dead, or as good as that: whoever sees it first takes it out, which a
 * script makes sure is one. Which machines there are stands on one shard.
 *
 * When Redis was away nobody could take a lease: then nobody is taken out
 * before all have had the time of one to come back. */
#include "base/log.h"
#include "base/mem.h"
#include "cluster/ledger.h"
#include "cluster/sweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
  LEASE_EVERY_MS = 1000,
  RETIRED_AT_ONCE = 16,
  LEASE_OVER_AT = 4 /* in the answer of lua/redis/lease.lua */
};

static size_t nodes_place(const struct cluster *cluster) {
  return name_place(cluster, NAME_ALL, "", 0);
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
             "\",\"pid\":%d,\"started\":%lld,\"workers\":%d,\"clients\":%u,"
             "\"scripts\":\"%016" PRIx64 "\"}",
             cluster->options.name, cluster->self_text, (int)getpid(),
             (long long)cluster->started_s, cluster->workers, logged_in,
             atomic_load_explicit(&cluster->print, memory_order_relaxed));
}

/* --- taking machines out ----------------------------------------------------
 */

static void put_gone_key(const struct cluster *cluster, struct slice life,
                         struct buf *out) {
  char tag[SHARDS_TAG_BYTES];
  shards_tag("nodes", 5, tag);
  buf_printf(out, "%s:%s:gone:", cluster->options.prefix, tag);
  buf_put(out, life.at, life.len);
}

static void put_alone_key(const struct cluster *cluster, struct buf *out) {
  char tag[SHARDS_TAG_BYTES];
  shards_tag("nodes", 5, tag);
  buf_printf(out, "%s:%s:alone", cluster->options.prefix, tag);
}

/* The first argument is the machine. */
static int command_nodes(struct cluster *cluster, enum cluster_script script,
                         const struct slice *args, size_t count,
                         link_answer_fn *done, void *arg) {
  struct buf ends = {0}, words = {0}, gone = {0}, alone = {0};
  struct slice command[16];
  put_keys(cluster, &ends, &words);
  command[0] = word("EVALSHA");
  command[1] = word(cluster->shas[script]);
  command[2] = word("4");
  command[3] = (struct slice){ends.data, ends.len};
  command[4] = (struct slice){words.data, words.len};
  put_gone_key(cluster, args[0], &gone);
  command[5] = (struct slice){gone.data, gone.len};
  put_alone_key(cluster, &alone);
  command[6] = (struct slice){alone.data, alone.len};
  memcpy(command + 7, args, count * sizeof *args);
  int err = shards_command(cluster->shards, nodes_place(cluster), command,
                           7 + count, done, arg);
  buf_free(&alone);
  buf_free(&gone);
  buf_free(&ends);
  buf_free(&words);
  return err;
}

static void on_retired(void *arg, enum link_fate fate,
                       const struct reply *reply) {
  struct cluster *cluster = arg;
  if (fate != LINK_ANSWERED || reply->kind != REPLY_NUMBER || !reply->number)
    return;
  cluster->counters.retired++;
  log_warn("redis: a machine was not heard of for node.lease_s: its clients "
           "were taken out");
}

/* Nothing of it is left. */
static void retire_machine(struct cluster *cluster, const char *life) {
  struct buf channel = {0}, text = {0};
  channel_put(&channel, cluster, NAME_ALL, "", 0);
  buf_printf(&text, "N%s", life);
  const struct slice args[] = {
      word(life), {channel.data, channel.len}, {text.data, text.len}};
  if (command_nodes(cluster, SCRIPT_RETIRE, args, 3, on_retired, cluster))
    log_debug("redis: a machine that is gone is taken out later");
  buf_free(&channel);
  buf_free(&text);
}

/* A machine whose lease is over. */
struct condemned {
  struct cluster *cluster;
  char life[SELF_BYTES];
};

/* It may have taken the lease just now. */
static void on_condemned_other(void *arg, enum link_fate fate,
                               const struct reply *reply) {
  struct condemned *condemned = arg;
  if (fate == LINK_ANSWERED && reply->kind == REPLY_NUMBER && reply->number)
    sweep_machine(condemned->cluster, condemned->life, retire_machine);
  mem_free(condemned);
}

/* Its lease is over. From now on it is not taken for alive again, whatever it
 * does; so what we delete of it does not come back. Others may do the same at
 * this moment: all of that can be done twice. */
static void take_out(struct cluster *cluster, const char *life) {
  const struct slice args[] = {word(life), word("1")};
  struct condemned *condemned = mem_alloc(sizeof *condemned);
  condemned->cluster = cluster;
  snprintf(condemned->life, sizeof condemned->life, "%s", life);
  if (command_nodes(cluster, SCRIPT_CONDEMN, args, 2, on_condemned_other,
                    condemned))
    mem_free(condemned);
}

static struct noticed_life *noticed_of(struct cluster *cluster,
                                       const char *life) {
  return &cluster->noticed[strtoull(life, NULL, 16) % NOTICED_LIVES];
}

static void note_gone(struct cluster *cluster, const char *life) {
  struct noticed_life *noticed = noticed_of(cluster, life);
  noticed->machine = strtoull(life, NULL, 16);
  noticed->until_ms = uv_now(&cluster->loop) + 2 * cluster->options.lease_ms;
  noticed->gone = true;
}

bool nodes_is_gone(const struct cluster *cluster, const char *life) {
  uint64_t machine = strtoull(life, NULL, 16);
  const struct noticed_life *noticed =
      &cluster->noticed[machine % NOTICED_LIVES];
  return noticed->machine == machine && noticed->gone;
}

bool nodes_heard(struct name *name, struct slice payload) {
  char life[SELF_BYTES];
  if (name->key[0] != NAME_ALL || payload.len != SELF_BYTES ||
      *payload.at != 'N')
    return false;
  memcpy(life, payload.at + 1, SELF_BYTES - 1);
  life[SELF_BYTES - 1] = 0;
  note_gone(name->cluster, life);
  ledger_forget_machine(name->cluster, life);
  return true;
}

/* --- the lease --------------------------------------------------------------
 */

static void take_lease(struct cluster *cluster);

static uint64_t lease_clock_ms(void) {
  return uv_hrtime() / 1000000;
}

bool nodes_may_write(struct cluster *cluster) {
  bool may = !cluster->enlisted ||
             lease_clock_ms() < cluster->leased_ms + cluster->options.lease_ms;
  cluster->withheld |= !may;
  return may;
}

static void read_in_a_lease(struct cluster *cluster) {
  cluster->read_again_ms = uv_now(&cluster->loop) + cluster->options.lease_ms;
}

/* Entries of a machine that were seen. */
struct noticing {
  struct cluster *cluster;
  char life[SELF_BYTES];
};

/* It was gone before: see sweep_put_back, which follows when they are read
 * again. */
static void on_noticed(void *arg, enum link_fate fate,
                       const struct reply *reply) {
  struct noticing *noticing = arg;
  struct cluster *cluster = noticing->cluster;
  if (fate == LINK_ANSWERED && reply->kind == REPLY_NUMBER && reply->number &&
      !nodes_is_gone(cluster, noticing->life)) {
    note_gone(cluster, noticing->life);
    if (shards_are_slots(cluster->shards) && !cluster->read_again_ms)
      read_in_a_lease(cluster);
  }
  mem_free(noticing);
}

static bool send_notice(struct cluster *cluster, const char *life) {
  struct noticing *noticing = mem_alloc(sizeof *noticing);
  char lease[24];
  noticing->cluster = cluster;
  snprintf(noticing->life, sizeof noticing->life, "%s", life);
  snprintf(lease, sizeof lease, "%" PRIu64, cluster->options.lease_ms);
  const struct slice args[] = {word(life), word(lease)};
  int err =
      command_nodes(cluster, SCRIPT_NOTICE, args, 2, on_noticed, noticing);
  if (err)
    mem_free(noticing);
  return !err;
}

void nodes_notice_now(struct cluster *cluster, const char *life) {
  if (!send_notice(cluster, life))
    log_debug("redis: what a machine has left behind is seen to later");
}

void nodes_notice(struct cluster *cluster, const char *life) {
  uint64_t machine = strtoull(life, NULL, 16), now_ms = uv_now(&cluster->loop);
  struct noticed_life *noticed = noticed_of(cluster, life);
  bool is_known = noticed->machine == machine;
  if (strcmp(life, cluster->life) == 0 ||
      (is_known && now_ms < noticed->until_ms) || !send_notice(cluster, life))
    return;
  noticed->machine = machine;
  noticed->until_ms = now_ms + 2 * cluster->options.lease_ms;
  noticed->gone &= is_known;
}

static void on_former_swept(struct cluster *cluster, const char *life) {
  if (strcmp(life, cluster->former) == 0)
    cluster->former_left = false;
  retire_machine(cluster, life);
}

/* What this machine had by the name before. Nobody else may know of that: where
 * Redis has lost its memory, and some of it was written after that. */
static void sweep_former(struct cluster *cluster) {
  if (cluster->former_left && !cluster->stopping)
    sweep_machine(cluster, cluster->former, on_former_swept);
}

/* Others have deleted what this machine had, as it stood still for too long; or
 * Redis has lost it. */
static void begin_again(struct cluster *cluster, bool was_taken_out) {
  char before[SELF_BYTES];
  snprintf(before, sizeof before, "%s", cluster->life);
  log_warn("redis: this machine has no lease any more: it stood still for "
           "node.lease_s, or Redis has lost its memory; it enlists anew");
  memcpy(cluster->former, before, sizeof before);
  choose_life(cluster);
  cluster->enlisted = false;
  alone_forget(cluster);
  take_lease(cluster);
  ledger_rename(cluster, was_taken_out);
  if (!was_taken_out || shards_are_slots(cluster->shards))
    read_in_a_lease(cluster);
  cluster->former_left = true;
  sweep_former(cluster);
}

/* A lease that was asked for. */
struct leasing {
  struct cluster *cluster;
  struct alone_lease lease;
  char life[SELF_BYTES]; /* whose it is */
};

/* Who is late may be connecting still. */
static bool may_judge(const struct cluster *cluster) {
  return cluster->nodes_there &&
         uv_now(&cluster->loop) >=
             cluster->nodes_since_ms + cluster->options.lease_ms;
}

static void use_lease(struct cluster *cluster, const struct leasing *leasing,
                      const struct reply *reply) {
  if (strcmp(leasing->life, cluster->life) != 0)
    return; /* it has another name by now */
  if (reply_at(reply, 0).number == 0) {
    begin_again(cluster, reply_at(reply, 1).number == 1);
    return;
  }
  cluster->enlisted = true;
  cluster->leased_ms = leasing->lease.sent_ns / 1000000;
  alone_leased(cluster, &leasing->lease, reply);
  ledger_write_withheld(cluster);
  if (!may_judge(cluster))
    return;
  for (size_t i = LEASE_OVER_AT; i < reply->count; i++) {
    struct reply life = reply_at(reply, i);
    if (life.len == SELF_BYTES - 1 && !reply_is(&life, cluster->life))
      take_out(cluster, life.text);
  }
}

static void on_leased(void *arg, enum link_fate fate,
                      const struct reply *reply) {
  struct leasing *leasing = arg;
  if (fate == LINK_ANSWERED && reply->kind == REPLY_LIST)
    use_lease(leasing->cluster, leasing, reply);
  mem_free(leasing);
}

static struct leasing *begin_leasing(struct cluster *cluster,
                                     uint64_t claim_ms) {
  struct leasing *leasing = mem_alloc(sizeof *leasing);
  leasing->cluster = cluster;
  leasing->lease =
      (struct alone_lease){.sent_ns = uv_hrtime(), .claims = claim_ms > 0};
  memcpy(leasing->life, cluster->life, sizeof leasing->life);
  return leasing;
}

static void take_lease(struct cluster *cluster) {
  struct buf self = {0};
  char lease[24], most[8], claim[24] = "";
  if (cluster->stopping ||
      !shards_is_there(cluster->shards, nodes_place(cluster)))
    return;
  describe(cluster, &self);
  snprintf(lease, sizeof lease, "%" PRIu64, cluster->options.lease_ms);
  snprintf(most, sizeof most, "%d", RETIRED_AT_ONCE);
  uint64_t claim_ms = alone_claim_ms(cluster);
  if (claim_ms > 0)
    snprintf(claim, sizeof claim, "%" PRIu64, claim_ms);
  struct leasing *leasing = begin_leasing(cluster, claim_ms);
  const struct slice args[] = {word(cluster->life),
                               word(lease),
                               {self.data, self.len},
                               word(most),
                               word(cluster->enlisted ? "1" : "0"),
                               word(claim)};
  if (command_nodes(cluster, SCRIPT_LEASE, args, 6, on_leased, leasing)) {
    log_debug("redis: the lease of this machine was not renewed");
    mem_free(leasing);
  }
  buf_free(&self);
}

/* When Redis has lost its memory, all machines that live have written anew by
 * then what they have. Of one that died before, nobody says that it is gone. In
 * a cluster one place may have lost it, and others have what this machine had
 * by its former name. */
static void look_who_is_left(struct cluster *cluster) {
  if (!cluster->read_again_ms ||
      uv_now(&cluster->loop) < cluster->read_again_ms)
    return;
  cluster->read_again_ms = 0;
  ledger_read_again(cluster);
}

static void on_lease_due(uv_timer_t *timer) {
  struct cluster *cluster = container_of(timer, struct cluster, lease);
  take_lease(cluster);
  sweep_former(cluster);
  look_who_is_left(cluster);
}

void nodes_begin(struct cluster *cluster) {
  uint64_t every_ms = cluster->options.lease_ms / 3; /* it may be late twice */
  if (every_ms > LEASE_EVERY_MS)
    every_ms = LEASE_EVERY_MS;
  uv_timer_init(&cluster->loop, &cluster->lease);
  uv_timer_start(&cluster->lease, on_lease_due, every_ms, every_ms);
}

void nodes_up(struct cluster *cluster) {
  bool there = shards_is_there(cluster->shards, nodes_place(cluster));
  if (there && !cluster->nodes_there)
    cluster->nodes_since_ms = uv_now(&cluster->loop);
  cluster->nodes_there = there;
  take_lease(cluster);
}

void nodes_down(struct cluster *cluster) {
  cluster->nodes_there &=
      shards_is_there(cluster->shards, nodes_place(cluster));
}

/* --- the end ----------------------------------------------------------------
 */

static void on_condemned(void *arg, enum link_fate fate,
                         const struct reply *reply) {
  struct cluster *cluster = arg;
  (void)fate;
  (void)reply;
  cluster->left(cluster);
}

/* What there is still of it others take out, and say so. */
void nodes_leave(struct cluster *cluster,
                 void (*done)(struct cluster *cluster)) {
  const struct slice args[] = {word(cluster->life), word("0")};
  cluster->left = done;
  if (!cluster->enlisted ||
      command_nodes(cluster, SCRIPT_CONDEMN, args, 2, on_condemned, cluster))
    done(cluster);
}

/* --- asking ------------------------------------------------------------------
 */

struct nodes_question {
  struct order order;
  cluster_nodes_fn *done;
  void *arg;
};

static void on_nodes_read(void *arg, enum link_fate fate,
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

int nodes_read(struct cluster *cluster, link_answer_fn *done, void *arg) {
  struct buf ends = {0}, words = {0};
  put_keys(cluster, &ends, &words);
  const struct slice command[] = {word("HVALS"), {words.data, words.len}};
  int err = shards_command(cluster->shards, nodes_place(cluster), command, 2,
                           done, arg);
  buf_free(&ends);
  buf_free(&words);
  return err;
}

static void run_nodes(struct cluster *cluster, struct order *order) {
  struct nodes_question *question =
      container_of(order, struct nodes_question, order);
  if (nodes_read(cluster, on_nodes_read, question))
    on_nodes_read(question, LINK_NOT_SENT, NULL);
}

static void drop_nodes(struct order *order) {
  on_nodes_read(container_of(order, struct nodes_question, order),
                LINK_NOT_SENT, NULL);
}

void cluster_nodes(struct engine *engine, cluster_nodes_fn *done, void *arg) {
  struct nodes_question *question = mem_alloc(sizeof *question);
  question->order.run = run_nodes;
  question->order.drop = drop_nodes;
  question->done = done;
  question->arg = arg;
  order_post_take(cluster_of(engine), &question->order);
}
