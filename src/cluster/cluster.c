/* SPDX-License-Identifier: MIT
 * The engine of several machines, and its thread. */
#include "cluster/cluster.h"

#include "base/embedded.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/given.h"
#include "cluster/herald.h"
#include "cluster/ledger.h"
#include "cluster/numbers.h"
#include "cluster/question.h"
#include "cluster/revise.h"
#include "cluster/vault.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { TICK_MS = 1000, FAREWELL_MS = 1000 };

static const char *const script_files[SCRIPT_COUNT] = {
    [SCRIPT_PUBLISH] = "lua/redis/publish.lua",
    [SCRIPT_ENTER] = "lua/redis/enter.lua",
    [SCRIPT_RENEW] = "lua/redis/renew.lua",
    [SCRIPT_ONCE] = "lua/redis/once.lua",
    [SCRIPT_LEASE] = "lua/redis/lease.lua",
    [SCRIPT_CONDEMN] = "lua/redis/condemn.lua",
    [SCRIPT_CONDEMNED] = "lua/redis/condemned.lua",
    [SCRIPT_NOTICE] = "lua/redis/notice.lua",
    [SCRIPT_LEDGER_PUT] = "lua/redis/ledger_put.lua",
    [SCRIPT_LEDGER_ACK] = "lua/redis/ledger_ack.lua",
    [SCRIPT_LEDGER_LOAD] = "lua/redis/ledger_load.lua",
    [SCRIPT_DECIDE] = "lua/redis/decide.lua",
    [SCRIPT_STORE_INCR] = "lua/redis/store_incr.lua",
    [SCRIPT_STORE_SWAP] = "lua/redis/store_swap.lua",
    [SCRIPT_LEVEL] = "lua/redis/level.lua",
    [SCRIPT_RETIRE] = "lua/redis/retire.lua"};

/* --- what workers ask for --------------------------------------------------
 */

/* A worker has a name, or has not any more. */
struct name_order {
  struct order order;
  enum name_kind kind;
  size_t len;
  char text[];
};

static void free_name_order(struct order *order) {
  mem_free(container_of(order, struct name_order, order));
}

static void run_follow(struct cluster *cluster, struct order *order) {
  struct name_order *wish = container_of(order, struct name_order, order);
  (void)name_hold(cluster, wish->kind, wish->text, wish->len);
  free_name_order(order);
}

static void run_unfollow(struct cluster *cluster, struct order *order) {
  struct name_order *wish = container_of(order, struct name_order, order);
  struct name *name = name_find(cluster, wish->kind, wish->text, wish->len);
  if (name)
    name_drop(name);
  free_name_order(order);
}

static void
post_name(struct engine *engine, enum bus_to to, const char *text, size_t len,
          void (*run)(struct cluster *cluster, struct order *order)) {
  struct name_order *wish = mem_alloc(sizeof *wish + len + 1);
  wish->order.run = run;
  wish->order.drop = free_name_order;
  wish->kind = to == BUS_ROOM ? NAME_ROOM : NAME_USER;
  wish->len = len;
  memcpy(wish->text, text, len);
  order_post_take(cluster_of(engine), &wish->order);
}

static void follow_name(struct engine *engine, enum bus_to to, const char *text,
                        size_t len) {
  post_name(engine, to, text, len, run_follow);
}

static void unfollow_name(struct engine *engine, enum bus_to to,
                          const char *text, size_t len) {
  post_name(engine, to, text, len, run_unfollow);
}

static struct engine_wait *settle_name(struct engine *engine, int worker,
                                       enum bus_to to, const char *text,
                                       size_t len, engine_settled_fn *done,
                                       void *arg) {
  struct engine_wait *wait = new_wait(
      engine, worker, to == BUS_ROOM ? NAME_ROOM : NAME_USER, text, len);
  wait->done = done;
  wait->arg = arg;
  order_post_take(wait->cluster, &wait->order);
  return wait;
}

static void give_up_wait(struct engine_wait *wait) {
  wait->given_up = true;
}

/* --- what the copy does ------------------------------------------------------
 */

static struct engine_position enter_copy(struct engine *engine, int worker,
                                         const char *room, size_t len,
                                         const struct rule *rule) {
  return engine_enter(cluster_of(engine)->copy, worker, room, len, rule);
}

static void exit_copy(struct engine *engine, int worker, const char *room,
                      size_t len) {
  engine_exit(cluster_of(engine)->copy, worker, room, len);
}

static void write_era(const struct engine *engine, uint64_t era,
                      char text[ENGINE_EPOCH_BYTES]) {
  engine_epoch(cluster_of((struct engine *)engine)->copy, era, text);
}

static void attach_asker(struct engine *engine, int worker, struct turn *turn) {
  struct cluster *cluster = cluster_of(engine);
  engine_attach(cluster->copy, worker, turn);
  asker_open(&cluster->askers[worker], turn->idle.loop);
}

static void detach_asker(struct engine *engine, int worker) {
  asker_close(&cluster_of(engine)->askers[worker]);
}

static void drop_order(struct order *order) {
  mem_free(order);
}

static void run_apply_rules(struct cluster *cluster, struct order *order) {
  name_apply_rules(cluster);
  mem_free(order);
}

static void post_simple(struct cluster *cluster,
                        void (*run)(struct cluster *cluster,
                                    struct order *order)) {
  struct order *order = mem_alloc(sizeof *order);
  order->run = run;
  order->drop = drop_order;
  order_post_take(cluster, order);
}

static void set_cluster_rules(struct engine *engine, struct rules *rules) {
  struct cluster *cluster = cluster_of(engine);
  engine_set_rules(cluster->copy, rules);
  post_simple(cluster, run_apply_rules);
}

static struct rules *hold_cluster_rules(struct engine *engine) {
  return engine_hold_rules(cluster_of(engine)->copy);
}

static void tick_copy(struct engine *engine) {
  engine_tick(cluster_of(engine)->copy);
}

static struct engine_stats copy_stats(struct engine *engine) {
  return engine_stats(cluster_of(engine)->copy);
}

/* --- links
 * -------------------------------------------------------------------- */

static void on_up(void *arg) {
  struct cluster *cluster = arg;
  uv_mutex_lock(&cluster->look_lock);
  cluster->look.was_up |= cluster_is_whole(&cluster->engine);
  uv_mutex_unlock(&cluster->look_lock);
  ledger_up(cluster);
  herald_tell(cluster);
  send_late(cluster);
  nodes_up(cluster);
  revise_names(cluster);
  given_look(cluster);
}

static void on_down(void *arg) {
  names_down(arg);
  given_places_down(arg);
  nodes_down(arg);
  ledger_places_down(arg);
}

static const struct shards_events events_of_shards = {.up = on_up,
                                                      .down = on_down,
                                                      .moved = name_moved,
                                                      .subscribed =
                                                          name_subscribed,
                                                      .message = name_heard};

static void look_at_shard(const struct cluster *cluster, size_t at,
                          struct cluster_shard *shard) {
  struct link_status status = shards_status(cluster->shards, at);
  if (shards_are_slots(cluster->shards))
    snprintf(shard->label, sizeof shard->label, "%s", status.server);
  else
    snprintf(shard->label, sizeof shard->label, "%zu", at);
  shard->up = status.up;
  snprintf(shard->server, sizeof shard->server, "%s",
           status.server ? status.server : "");
  snprintf(shard->why, sizeof shard->why, "%s", status.why ? status.why : "");
  uint64_t now = uv_now(&cluster->loop); /* may be 1 less than `down_since` */
  shard->down_ms =
      status.up || now < status.down_since ? 0 : now - status.down_since;
  shard->commands = status.commands;
  shard->bytes = status.bytes;
  shard->channels = status.channels;
  shard->round_ns = status.round_ns;
  shard->counters = *shards_counters(cluster->shards, at);
}

static void take_look(struct cluster *cluster) {
  size_t count = shards_count(cluster->shards);
  uv_mutex_lock(&cluster->look_lock);
  cluster->look.counters = cluster->counters;
  cluster->look.counters.omitted =
      atomic_load_explicit(&cluster->omitted, memory_order_relaxed);
  if (count != cluster->look.shard_count)
    cluster->look.shards =
        mem_realloc(cluster->look.shards, count * sizeof *cluster->look.shards);
  cluster->look.shard_count = count;
  for (size_t i = 0; i < cluster->look.shard_count; i++)
    look_at_shard(cluster, i, &cluster->look.shards[i]);
  uv_mutex_unlock(&cluster->look_lock);
}

bool cluster_is_whole(const struct engine *engine) {
  const struct cluster *cluster = cluster_of((struct engine *)engine);
  return cluster->shards && shards_are_whole(cluster->shards);
}

void cluster_look(struct engine *engine, struct cluster_look *look) {
  struct cluster *cluster = cluster_of(engine);
  uv_mutex_lock(&cluster->look_lock);
  *look = cluster->look;
  look->shards = mem_alloc(look->shard_count * sizeof *look->shards);
  memcpy(look->shards, cluster->look.shards,
         look->shard_count * sizeof *look->shards);
  uv_mutex_unlock(&cluster->look_lock);
}

void cluster_look_free(struct cluster_look *look) {
  mem_free(look->shards);
  look->shards = NULL;
}

/* --- its thread
 * ----------------------------------------------------------------- */

static void on_cluster_tick(uv_timer_t *timer) {
  struct cluster *cluster = container_of(timer, struct cluster, tick);
  name_tick(cluster, false);
  ledger_tick(cluster);
  ledger_read_some(cluster);
  herald_tell(cluster);
  question_tick(cluster);
  kinship_tick(cluster);
  compare_tick(cluster);
  given_look(cluster);
  send_line(cluster);
  level_tick(cluster);
  take_look(cluster);
}

static void on_order(struct mailbox *mailbox, struct list *node) {
  struct cluster *cluster = container_of(mailbox, struct cluster, orders);
  struct order *order = container_of(node, struct order, node);
  order->run(cluster, order);
}

/* All workers have ended. */
static void end_thread(struct cluster *cluster) {
  if (uv_is_closing((uv_handle_t *)&cluster->farewell))
    return;
  uv_close((uv_handle_t *)&cluster->farewell, NULL);
  uv_close((uv_handle_t *)&cluster->tick, NULL);
  uv_close((uv_handle_t *)&cluster->lease, NULL);
  uv_close((uv_handle_t *)&cluster->meeting, NULL);
  uv_close((uv_handle_t *)&cluster->hurry, NULL);
  mailbox_close(&cluster->orders);
  shards_close(cluster->shards);
}

static void on_no_farewell(uv_timer_t *timer) {
  end_thread(container_of(timer, struct cluster, farewell));
}

static void run_stop(struct cluster *cluster, struct order *order) {
  mem_free(order);
  cluster->stopping = true;
  uv_timer_start(&cluster->farewell, on_no_farewell, FAREWELL_MS, 0);
  nodes_leave(cluster, end_thread);
}

static void run_cluster(void *arg) {
  struct cluster *cluster = arg;
  uv_run(&cluster->loop, UV_RUN_DEFAULT);
}

/* --- life
 * ------------------------------------------------------------------------ */

static void free_names(struct cluster *cluster) {
  struct name *name = NULL, *next = NULL;
  HASH_ITER (hh, cluster->names, name, next) {
    while (!list_empty(&name->waits)) {
      struct engine_wait *wait =
          container_of(name->waits.next, struct engine_wait, in_name);
      list_remove(&wait->in_name);
      wait->order.drop(&wait->order);
    }
    name->channel = NULL; /* it has gone with its link */
    list_remove(&name->idle);
    list_push(&cluster->idle, &name->idle);
  }
  name_tick(cluster, true);
}

static void stop_thread(struct cluster *cluster) {
  post_simple(cluster, run_stop);
  uv_thread_join(&cluster->thread);
}

static void free_cluster(struct engine *engine) {
  struct cluster *cluster = cluster_of(engine);
  struct list *node;
  if (cluster->started)
    stop_thread(cluster);
  else
    mailbox_close(&cluster->orders);
  uv_run(&cluster->loop, UV_RUN_DEFAULT);
  while ((node = list_shift(&cluster->orders.letters))) {
    struct order *order = container_of(node, struct order, node);
    order->drop(order);
  }
  mailbox_free(&cluster->orders);
  drop_late(cluster);
  free_names(cluster);
  herald_free(cluster);
  given_free(cluster);
  shards_free(cluster->shards);
  for (int i = 0; i <= cluster->workers; i++)
    asker_free(&cluster->askers[i]);
  engine_free(cluster->copy);
  uv_mutex_destroy(&cluster->look_lock);
  if (uv_loop_close(&cluster->loop))
    log_debug("a handle of the cluster's loop was left open");
  kinship_free(cluster);
  for (int i = 0; i < SCRIPT_COUNT; i++)
    mem_free(cluster->texts[i]);
  mem_free(cluster->look.shards);
  mem_free(cluster->askers);
  mem_free(cluster);
}

static const struct engine_ops cluster_ops = {.enter = enter_copy,
                                              .exit = exit_copy,
                                              .publish = publish_record,
                                              .read = begin_read,
                                              .cancel = cancel_read,
                                              .forget = forget_room,
                                              .epoch = write_era,
                                              .attach = attach_asker,
                                              .detach = detach_asker,
                                              .set_rules = set_cluster_rules,
                                              .hold_rules = hold_cluster_rules,
                                              .tick = tick_copy,
                                              .stats = copy_stats,
                                              .free = free_cluster,
                                              .follow = follow_name,
                                              .unfollow = unfollow_name,
                                              .settle = settle_name,
                                              .give_up = give_up_wait,
                                              .send = send_parcel,
                                              .ask = ask_others,
                                              .ask_store = ask_vault};

/* A number that no other machine has; not 0, and larger than those of
 * connections. */
static uint64_t random_number(void) {
  uint64_t number = 0;
  while (number >> 48 == 0)
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
      log_fatal("the system has no random numbers");
  return number;
}

void choose_life(struct cluster *cluster) {
  snprintf(cluster->life, sizeof cluster->life, "%016" PRIx64, random_number());
}

static void choose_self(struct cluster *cluster) {
  cluster->self = random_number();
  snprintf(cluster->self_text, sizeof cluster->self_text, "%016" PRIx64,
           cluster->self);
  choose_life(cluster);
}

static void read_scripts(struct cluster *cluster) {
  for (int i = 0; i < SCRIPT_COUNT; i++) {
    const struct embedded *file = embedded_find(script_files[i]);
    cluster->scripts[i] = (struct link_script){file->data, file->len};
    link_script_sha(&cluster->scripts[i], cluster->shas[i]);
  }
}

/* What a script publishes in a cluster goes to sharded channels, which are
 * where its keys are. */
static void use_sharded_channels(struct cluster *cluster) {
  static const char call[] = "'PUBLISH'", sharded[] = "'SPUBLISH'";
  for (int i = 0; i < SCRIPT_COUNT; i++) {
    struct slice rest = {cluster->scripts[i].text, cluster->scripts[i].len};
    struct buf text = {0};
    const char *at;
    while ((at = memmem(rest.at, rest.len, call, strlen(call)))) {
      buf_put(&text, rest.at, (size_t)(at - rest.at));
      buf_puts(&text, sharded);
      rest = slice_after(rest, (size_t)(at - rest.at) + strlen(call));
    }
    buf_put(&text, rest.at, rest.len);
    cluster->texts[i] = mem_strndup(text.data, text.len);
    cluster->scripts[i] = (struct link_script){cluster->texts[i], text.len};
    link_script_sha(&cluster->scripts[i], cluster->shas[i]);
    buf_free(&text);
  }
}

struct engine *cluster_new(struct bus *bus, int workers, size_t max_bytes) {
  struct cluster *cluster = mem_alloc(sizeof *cluster);
  cluster->engine.ops = &cluster_ops;
  cluster->copy = memory_new_follower(bus, workers, max_bytes);
  cluster->bus = bus;
  cluster->workers = workers;
  cluster->started_s = time(NULL);
  /* One more than workers: see engine_attach. */
  cluster->askers = mem_alloc(((size_t)workers + 1) * sizeof *cluster->askers);
  uv_loop_init(&cluster->loop);
  uv_mutex_init(&cluster->look_lock);
  mailbox_init(&cluster->orders, &cluster->loop, on_order);
  list_init(&cluster->idle);
  list_init(&cluster->late);
  list_init(&cluster->line);
  list_init(&cluster->round);
  list_init(&cluster->given_line);
  list_init(&cluster->questions);
  list_init(&cluster->unwritten);
  list_init(&cluster->to_read);
  choose_self(cluster);
  read_scripts(cluster);
  return &cluster->engine;
}

int cluster_start(struct engine *engine, const struct cluster_options *options,
                  struct buf *why) {
  struct cluster *cluster = cluster_of(engine);
  struct shards_options shards = {.urls = options->urls,
                                  .link = {.name = options->name,
                                           .ca_file = options->ca_file,
                                           .probe_ms = options->probe_ms,
                                           .timeout_ms = options->timeout_ms,
                                           .scripts = cluster->scripts,
                                           .script_count = SCRIPT_COUNT},
                                  .events = &events_of_shards,
                                  .arg = cluster};
  cluster->options = *options;
  cluster->presence = options->presence;
  ledger_watch(cluster);
  cluster->shards = shards_new(&cluster->loop, &shards, why);
  if (!cluster->shards)
    return ERR_CONFIG;
  if (shards_are_slots(cluster->shards))
    use_sharded_channels(cluster);
  take_look(cluster);
  uv_timer_init(&cluster->loop, &cluster->tick);
  uv_timer_init(&cluster->loop, &cluster->farewell);
  uv_timer_init(&cluster->loop, &cluster->meeting);
  uv_timer_init(&cluster->loop, &cluster->hurry);
  uv_timer_start(&cluster->tick, on_cluster_tick, TICK_MS, TICK_MS);
  nodes_begin(cluster);
  cluster->all = name_hold(cluster, NAME_ALL, "", 0);
  cluster->me =
      name_hold(cluster, NAME_NODE, cluster->self_text, SELF_BYTES - 1);
  cluster->started = true;
  uv_thread_create(&cluster->thread, run_cluster, cluster);
  return 0;
}
