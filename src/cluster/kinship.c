/* SPDX-License-Identifier: MIT
 * Whether all machines have the same scripts, and names of their own.
 *
 * Each says with its lease which it has, as a print of their texts. Now and
 * then this machine reads what the others say: some seconds after its own have
 * changed, as the others may be about to change theirs, and every ten. The log
 * hears of a change only. */
#include "base/log.h"
#include "base/mem.h"
#include "cluster/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_TICKS = 10, SETTLE_TICKS = 3 };

struct kinship {
  uint64_t print;    /* that was looked at last */
  int ticks;         /* until the next look */
  struct buf others; /* names that were said to have other ones */
  bool has_twin;     /* was said, too */
};

void cluster_show_scripts(struct engine *engine, uint64_t print) {
  atomic_store_explicit(&cluster_of(engine)->print, print,
                        memory_order_relaxed);
}

/* The text of a member. The JSON is our own: no text in it has an escape. */
static struct slice text_said(const struct reply *node, const char *member) {
  char begin[32];
  snprintf(begin, sizeof begin, "\"%s\":\"", member);
  const char *at = node->kind == REPLY_TEXT ? strstr(node->text, begin) : NULL;
  if (!at)
    return (struct slice){"", 0};
  at += strlen(begin);
  return (struct slice){at, strcspn(at, "\"")};
}

static bool has_other_scripts(const struct cluster *cluster,
                              const struct reply *node) {
  char own[SELF_BYTES];
  struct slice print = text_said(node, "scripts");
  snprintf(own, sizeof own, "%016" PRIx64, cluster->kinship->print);
  return print.len == SELF_BYTES - 1 && !slice_equals(print, own) &&
         !slice_equals(text_said(node, "name"), cluster->options.name);
}

/* Another one that has our name, and is none of our former lives, as it has
 * started later. */
static bool is_twin(const struct cluster *cluster, const struct reply *node) {
  static const char member[] = "\"started\":";
  const char *at = node->kind == REPLY_TEXT ? strstr(node->text, member) : NULL;
  return at && strtoll(at + strlen(member), NULL, 10) >= cluster->started_s &&
         slice_equals(text_said(node, "name"), cluster->options.name) &&
         !slice_equals(text_said(node, "id"), cluster->self_text);
}

static void say_twin(struct cluster *cluster, bool has_twin) {
  if (has_twin && !cluster->kinship->has_twin)
    log_warn("node.name=%s: another machine has this name, too; give each its "
             "own: perigee reload --all does not wait for both",
             cluster->options.name);
  cluster->kinship->has_twin = has_twin;
}

static void say_who_differs(struct kinship *kinship, struct buf *names) {
  struct slice now = {names->data, names->len};
  bool same = now.len == kinship->others.len &&
              (now.len == 0 || !memcmp(now.at, kinship->others.data, now.len));
  if (!same && now.len > 0)
    log_warn("scripts: those of this machine are not those of %.*s: perigee "
             "nodes shows who has which, perigee reload --all loads all",
             (int)now.len, now.at);
  else if (!same)
    log_info("scripts: all machines have the same again");
  buf_free(&kinship->others);
  kinship->others = *names;
  *names = (struct buf){0};
}

static void on_kin_read(void *arg, enum link_fate fate,
                        const struct reply *reply) {
  struct cluster *cluster = arg;
  struct buf names = {0};
  uint32_t count = 0;
  bool has_twin = false;
  if (fate != LINK_ANSWERED || reply->kind != REPLY_LIST)
    return;
  for (size_t i = 0; i < reply->count; i++) {
    struct reply node = reply_at(reply, i);
    has_twin |= is_twin(cluster, &node);
    if (!has_other_scripts(cluster, &node))
      continue;
    struct slice name = text_said(&node, "name");
    buf_puts(&names, count++ ? ", " : "");
    buf_put(&names, name.at, name.len);
  }
  say_twin(cluster, has_twin);
  say_who_differs(cluster->kinship, &names);
  uv_mutex_lock(&cluster->look_lock);
  cluster->look.other_scripts = count;
  uv_mutex_unlock(&cluster->look_lock);
}

void kinship_tick(struct cluster *cluster) {
  uint64_t print = atomic_load_explicit(&cluster->print, memory_order_relaxed);
  if (!cluster->kinship)
    cluster->kinship = mem_alloc(sizeof *cluster->kinship);
  struct kinship *kinship = cluster->kinship;
  if (kinship->print != print)
    kinship->ticks = SETTLE_TICKS;
  kinship->print = print;
  if (!print || --kinship->ticks > 0)
    return;
  kinship->ticks = LOOK_TICKS;
  if (nodes_read(cluster, on_kin_read, cluster))
    kinship->ticks = 1;
}

void kinship_free(struct cluster *cluster) {
  if (cluster->kinship)
    buf_free(&cluster->kinship->others);
  mem_free(cluster->kinship);
}
