/* SPDX-License-Identifier: MIT
 * Other machines, for the operator. */
#include "server/machines.h"

#include "base/mem.h"
#include "cluster/cluster.h"

static const char json_type[] = "application/json";

/* --- which there are ------------------------------------------------------ */

/* A request that waits for the cluster's thread, which answers by letter. */
struct asked_nodes {
  struct list node; /* in the mailbox */
  struct list in_asked;
  struct machines *machines;
  struct admin_request *request;
  struct buf list; /* JSON; empty: Redis is not there */
};

static void answer_nodes(struct asked_nodes *asked) {
  struct buf out = {0};
  bool good = asked->list.len > 0;
  if (good)
    buf_printf(&out, "{\"nodes\":%.*s}\n", (int)asked->list.len,
               asked->list.data);
  else
    buf_puts(&out, "{\"error\":\"Redis is not there\"}\n");
  admin_answer(asked->request, good ? 200 : 503, json_type, &out);
  list_remove(&asked->in_asked);
  asked->request = NULL;
}

static void free_asked(struct list *node) {
  struct asked_nodes *asked = container_of(node, struct asked_nodes, node);
  buf_free(&asked->list);
  mem_free(asked);
}

static void on_nodes_letter(struct mailbox *mailbox, struct list *node) {
  struct asked_nodes *asked = container_of(node, struct asked_nodes, node);
  (void)mailbox;
  answer_nodes(asked);
  free_asked(node);
}

/* On the cluster's thread. */
static void on_nodes_known(void *arg, const struct buf *list) {
  struct asked_nodes *asked = arg;
  if (list)
    buf_put(&asked->list, list->data, list->len);
  if (!mailbox_post_take(&asked->machines->answers, &asked->node))
    free_asked(&asked->node);
}

void machines_ask(struct machines *machines, struct admin_request *request) {
  if (!machines->engine) {
    struct buf out = {0};
    buf_puts(&out, "{\"error\":\"this server is alone: engine = memory\"}\n");
    admin_answer(request, 404, json_type, &out);
    return;
  }
  struct asked_nodes *asked = mem_alloc(sizeof *asked);
  asked->machines = machines;
  asked->request = request;
  list_init(&asked->node);
  list_init(&asked->in_asked);
  list_push(&machines->asked, &asked->in_asked);
  cluster_nodes(machines->engine, on_nodes_known, asked);
}

/* --- how it stands ----------------------------------------------------------
 */

bool machines_complain(const struct machines *machines, struct buf *text) {
  struct cluster_look look;
  if (!machines->engine || cluster_is_whole(machines->engine))
    return false;
  cluster_look(machines->engine, &look);
  buf_puts(text, "degraded\n");
  for (size_t i = 0; i < look.shard_count; i++)
    if (!look.shards[i].up)
      buf_printf(text, "redis=%s for %.0f s: %s\n", look.shards[i].server,
                 (double)look.shards[i].down_ms / 1000, look.shards[i].why);
  cluster_look_free(&look);
  return true;
}

bool machines_are_ready(const struct machines *machines) {
  struct cluster_look look;
  if (!machines->engine || cluster_is_whole(machines->engine))
    return true;
  cluster_look(machines->engine, &look);
  cluster_look_free(&look);
  return look.was_up;
}

static void print_kind(struct buf *out, const char *name, const char *kind,
                       const char *help) {
  buf_printf(out, "# HELP perigee_%s %s\n# TYPE perigee_%s %s\n", name, help,
             name, kind);
}

static void print_each(struct buf *out, const struct cluster_look *look,
                       const char *name, const char *kind, const char *help,
                       double (*value)(const struct cluster_shard *shard)) {
  print_kind(out, name, kind, help);
  for (size_t i = 0; i < look->shard_count; i++)
    buf_printf(out, "perigee_%s{shard=\"%s\"} %.6g\n", name,
               look->shards[i].label, value(&look->shards[i]));
}

static double up_of(const struct cluster_shard *shard) {
  return shard->up;
}

static double commands_of(const struct cluster_shard *shard) {
  return (double)shard->commands;
}

static double shard_bytes(const struct cluster_shard *shard) {
  return (double)shard->bytes;
}

static double channels_of(const struct cluster_shard *shard) {
  return (double)shard->channels;
}

static double round_of(const struct cluster_shard *shard) {
  return (double)shard->round_ns / 1e9;
}

#define COUNTER_OF(name, help)                                                 \
  static double name##_of_link(const struct cluster_shard *shard) {            \
    return (double)shard->counters.name;                                       \
  }
LINK_COUNTERS(COUNTER_OF)
#undef COUNTER_OF

static void print_errors(struct buf *out, const struct cluster_look *look) {
  print_kind(out, "redis_errors_total", "counter",
             "answers of Redis that were errors");
  for (size_t i = 0; i < look->shard_count; i++)
    for (int error = 1; error < REPLY_ERROR_COUNT; error++)
      buf_printf(out,
                 "perigee_redis_errors_total{shard=\"%s\",error=\"%s\"} "
                 "%llu\n",
                 look->shards[i].label,
                 reply_error_word((enum reply_error)error),
                 (unsigned long long)look->shards[i].counters.errors[error]);
}

static void print_links(struct buf *out, const struct cluster_look *look) {
  print_each(out, look, "redis_up", "gauge", "whether Redis delivers", up_of);
  print_each(out, look, "redis_pipeline_commands", "gauge",
             "commands under way", commands_of);
  print_each(out, look, "redis_pipeline_bytes", "gauge", "bytes of these",
             shard_bytes);
  print_each(out, look, "redis_channels", "gauge", "channels subscribed to",
             channels_of);
  print_each(out, look, "redis_round_trip_seconds", "gauge",
             "how long the last message to itself took", round_of);
#define COUNTER_PRINT(name, help)                                              \
  print_each(out, look, "redis_" #name "_total", "counter", help,              \
             name##_of_link);
  LINK_COUNTERS(COUNTER_PRINT)
#undef COUNTER_PRINT
  print_errors(out, look);
}

void machines_print(const struct machines *machines, struct buf *out) {
  struct cluster_look look;
  if (!machines->engine)
    return;
  cluster_look(machines->engine, &look);
#define CLUSTER_PRINT(name, help)                                              \
  print_kind(out, "cluster_" #name "_total", "counter", help);                 \
  buf_printf(out, "perigee_cluster_" #name "_total %llu\n",                    \
             (unsigned long long)look.counters.name);
  CLUSTER_COUNTERS(CLUSTER_PRINT)
#undef CLUSTER_PRINT
  print_kind(out, "cluster_other_scripts", "gauge",
             "machines whose scripts are not those of this one");
  buf_printf(out, "perigee_cluster_other_scripts %u\n", look.other_scripts);
  print_links(out, &look);
  cluster_look_free(&look);
}

/* --- life --------------------------------------------------------------- */

void machines_open(struct machines *machines, struct engine *engine,
                   uv_loop_t *loop) {
  list_init(&machines->asked);
  machines->open = true;
  machines->engine = engine_is_shared(engine) ? engine : NULL;
  mailbox_init(&machines->answers, loop, on_nodes_letter);
}

void machines_close(struct machines *machines) {
  while (!list_empty(&machines->asked))
    answer_nodes(
        container_of(machines->asked.next, struct asked_nodes, in_asked));
  mailbox_close(&machines->answers);
}

void machines_free(struct machines *machines) {
  struct list *node;
  if (!machines->open)
    return;
  while ((node = list_shift(&machines->answers.letters)))
    free_asked(node);
  mailbox_free(&machines->answers);
}
