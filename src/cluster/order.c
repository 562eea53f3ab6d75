/* SPDX-License-Identifier: MIT
 * Orders and answers. */
#include "base/err.h"
#include "base/mem.h"
#include "cluster/ledger.h"
#include "cluster/question.h"
#include "cluster/vault.h"

#include <string.h>

void order_post_take(struct cluster *cluster, struct order *order) {
  list_init(&order->node);
  if (!mailbox_post_take(&cluster->orders, &order->node))
    order->drop(order);
}

/* --- waits --------------------------------------------------------------- */

/* The name is held from now on, and the answer comes when it can. */
static void run_wait(struct cluster *cluster, struct order *order) {
  struct engine_wait *wait = container_of(order, struct engine_wait, order);
  struct name *name = name_hold(cluster, wait->kind, wait->text, wait->len);
  wait->name = name;
  bool here = name_serves(name, wait);
  bool there = shards_is_there(cluster->shards, name->place);
  if (here || !there) {
    answer_wait(wait, here ? 0 : ERR_UNAVAILABLE);
    return;
  }
  list_push(&name->waits, &wait->in_name);
  if (name->numbers && name->confirmed)
    numbers_want(name, wait);
}

static void free_wait(struct order *order) {
  struct engine_wait *wait = container_of(order, struct engine_wait, order);
  question_free(wait->question);
  vault_free(wait->vault);
  mem_free(wait);
}

/* The asker has done what it wanted to. */
static void release_wait(struct cluster *cluster, struct order *order) {
  struct engine_wait *wait = container_of(order, struct engine_wait, order);
  (void)cluster;
  if (wait->name)
    name_drop(wait->name);
  free_wait(order);
}

static void on_answer(struct mailbox *mailbox, struct list *node) {
  struct engine_wait *wait = container_of(node, struct engine_wait, answer);
  (void)mailbox;
  if (!wait->given_up && wait->question)
    question_tell(wait);
  else if (!wait->given_up && wait->vault)
    vault_tell(wait);
  else if (!wait->given_up && wait->confirmed)
    wait->confirmed(wait->arg, wait->err, wait->seq);
  else if (!wait->given_up)
    wait->done(wait->arg, wait->err, wait->elsewhere);
  wait->order.run = release_wait;
  wait->order.drop = free_wait;
  order_post_take(wait->cluster, &wait->order);
}

struct engine_wait *new_wait(struct engine *engine, int worker,
                             enum name_kind kind, const char *text,
                             size_t len) {
  struct engine_wait *wait = mem_alloc(sizeof *wait + len + 1);
  wait->cluster = cluster_of(engine);
  wait->asker = &wait->cluster->askers[worker];
  wait->kind = kind;
  wait->len = len;
  memcpy(wait->text, text, len);
  wait->order.run = run_wait;
  wait->order.drop = free_wait;
  list_init(&wait->in_name);
  return wait;
}

void answer_publication(struct engine_wait *wait, int err, uint64_t seq) {
  if (!wait)
    return;
  wait->seq = seq;
  answer_wait(wait, err);
}

void answer_wait(struct engine_wait *wait, int err) {
  list_remove(&wait->in_name);
  wait->err = err;
  wait->elsewhere = wait->name ? ledger_devices(wait->name) : 0;
  list_init(&wait->answer);
  if (!mailbox_post_take(&wait->asker->mailbox, &wait->answer))
    release_wait(wait->cluster, &wait->order);
}

/* --- askers -------------------------------------------------------------- */

void asker_open(struct asker *asker, uv_loop_t *loop) {
  mailbox_init(&asker->mailbox, loop, on_answer);
  asker->open = true;
}

void asker_close(struct asker *asker) {
  mailbox_close(&asker->mailbox);
}

void asker_free(struct asker *asker) {
  struct list *node;
  if (!asker->open)
    return;
  while ((node = list_shift(&asker->mailbox.letters)))
    free_wait(&container_of(node, struct engine_wait, answer)->order);
  mailbox_free(&asker->mailbox);
}
