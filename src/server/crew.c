/* SPDX-License-Identifier: MIT
 * The workers of the process. */
#include "server/crew.h"

#include "api/api.h"
#include "base/err.h"
#include "base/mem.h"
#include "cluster/cluster.h"
#include "engine/bus.h"
#include "engine/memory.h"
#include "hub/tell.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TICK_MS = 1000 }; /* of the engine */

/* --- generations -------------------------------------------------------- */

void crew_configure(struct crew *crew, const struct config *config) {
  for (int i = 0; i < crew->count; i++)
    crew->workers[i].protocol.host.config = config;
}

void crew_show_scripts(struct crew *crew, uint64_t print) {
  if (engine_is_shared(crew->engine))
    cluster_show_scripts(crew->engine, print);
}

struct generation **crew_build(struct crew *crew, struct bundle *bundle,
                               unsigned number, struct buf *error) {
  struct generation **generations =
      mem_alloc((size_t)crew->count * sizeof(struct generation *));
  for (int i = 0; i < crew->count; i++) {
    struct host *host = &crew->workers[i].protocol.host;
    generations[i] = generation_new(host, bundle, number, error);
    if (!generations[i]) {
      crew_free_generations(crew, generations);
      return NULL;
    }
  }
  return generations;
}

void crew_free_generations(const struct crew *crew,
                           struct generation **generations) {
  for (int i = 0; generations && i < crew->count; i++)
    generation_free(generations[i]);
  mem_free(generations);
}

void crew_offer_take(struct crew *crew, struct generation **generations) {
  for (int i = 0; i < crew->count; i++)
    worker_offer_take(&crew->workers[i], generations[i]);
  mem_free(generations);
}

void crew_withdraw(struct crew *crew) {
  for (int i = 0; i < crew->count; i++)
    worker_withdraw(&crew->workers[i]);
}

/* What waits for a stuck worker is bounded as what waits for slow clients. */
static size_t port_bytes(const struct config *config, int count) {
  return ((size_t)config->limits_queues_mb << 20) / (size_t)count;
}

/* --- the engine ---------------------------------------------------------- */

static struct engine *new_engine(struct crew *crew,
                                 const struct config *config) {
  size_t max_bytes = (size_t)config->history_max_mb << 20;
  if (config->engine == CONFIG_ENGINE_REDIS)
    return cluster_new(crew->bus, crew->count, max_bytes);
  return memory_new(crew->bus, crew->count, max_bytes);
}

static uint64_t seconds_to_ms(double seconds) {
  return (uint64_t)(seconds * 1000.0);
}

/* What a machine is called that has no name: where its clients find it. */
static void name_node(struct crew *crew, const char *name) {
  char host[64] = "";
  const char *colon = strrchr(crew->address, ':');
  if (gethostname(host, sizeof host - 1))
    strcpy(host, "localhost");
  if (*name)
    snprintf(crew->name, sizeof crew->name, "%s", name);
  else
    snprintf(crew->name, sizeof crew->name, "%s%s", host, colon ? colon : "");
}

/* --- rates, which the engine shares with other machines ------------------- */

/* A use as the engine takes it. */
struct use_passing {
  cluster_use_fn *use;
  void *arg;
};

static void pass_use(void *arg, const struct rates_use *use) {
  const struct use_passing *passing = arg;
  passing->use(passing->arg, &(struct cluster_use){.what = use->what,
                                                   .user = use->user,
                                                   .taken = use->taken,
                                                   .rate = use->rate});
}

static void each_use_of_rates(void *rates, size_t most, cluster_use_fn *use,
                              void *arg) {
  struct use_passing passing = {use, arg};
  rates_each_use(rates, most, pass_use, &passing);
}

static void level_rates(void *rates, const char *what, const char *user,
                        double spent, uint64_t now_ms) {
  rates_level(rates, what, user, spent, now_ms);
}

static int open_engine(struct crew *crew, struct buf *error) {
  const struct config *config = crew->workers[0].protocol.config;
  struct cluster_options options = {
      .urls = config_redis_urls(config),
      .ca_file = config->redis_ca_file,
      .name = crew->name,
      .prefix = config->redis_prefix,
      .presence = crew->presence,
      .probe_ms = seconds_to_ms(config->redis_probe_s),
      .timeout_ms = seconds_to_ms(config->redis_timeout_s),
      .lease_ms = seconds_to_ms(config->node_lease_s),
      .rates = {.rates = crew->workers[0].protocol.rates,
                .each_use = each_use_of_rates,
                .level = level_rates}};
  if (!engine_is_shared(crew->engine))
    return 0;
  rates_share(crew->workers[0].protocol.rates);
  return cluster_start(crew->engine, &options, error);
}

/* --- life --------------------------------------------------------------- */

void crew_init(struct crew *crew, const struct crew_shared *shared) {
  int count = config_workers(shared->config);
  *crew = (struct crew){.count = count};
  crew->workers = mem_alloc((size_t)count * sizeof *crew->workers);
  crew->watchdogs = mem_alloc((size_t)count * sizeof *crew->watchdogs);
  crew->fds = mem_alloc((size_t)count * sizeof *crew->fds);
  crew->desks = mem_alloc((size_t)count * sizeof(struct desk *));
  crew->bus = bus_new(count, port_bytes(shared->config, count));
  crew->engine = new_engine(crew, shared->config);
  crew->presence = presence_new(
      count > 1 || engine_is_shared(crew->engine) ? crew->bus : NULL);
  if (api_is_wanted(shared->config) || shared->otlp)
    crew->board = board_new();
  if (shared->otlp)
    board_export(crew->board, shared->otlp);
  for (int i = 0; i < count; i++) {
    struct worker *worker = &crew->workers[i];
    crew->fds[i] = -1;
    crew->desks[i] = &worker->desk;
    worker_init(worker, i, shared->config, shared->key, shared->home);
    worker->protocol.rates = shared->rates;
    worker->protocol.presence = crew->presence;
    worker->protocol.host.metrics = shared->metrics;
    worker->protocol.host.timings = shared->timings;
    worker->protocol.host.store = shared->store;
    worker->bus = crew->bus;
    worker->board = crew->board;
    worker->protocol.host.events = shared->events;
    manager_connect_engine(&worker->protocol.manager, crew->engine);
    if (count > 1 || api_is_wanted(shared->config) ||
        engine_is_shared(crew->engine))
      manager_connect_bus(&worker->protocol.manager, crew->bus, i);
    tell_connect(&worker->protocol.manager, shared->events);
  }
}

int crew_open(struct crew *crew, bool development,
              char bound[LISTEN_ADDRESS_BYTES], struct buf *error) {
  const char *address = crew->workers[0].protocol.config->listen;
  int err =
      listen_open_all("listen", address, crew->fds, crew->count, bound, error);
  if (!err) {
    strcpy(crew->address, bound);
    name_node(crew, crew->workers[0].protocol.config->node_name);
  }
  if (!err)
    err = open_engine(crew, error);
  for (int i = 0; i < crew->count && !err; i++)
    err = worker_open(&crew->workers[i], development, error);
  return err;
}

static void on_tick(uv_timer_t *tick) {
  struct crew *crew = container_of(tick, struct crew, tick);
  engine_tick(crew->engine);
}

void crew_start_take(struct crew *crew, struct generation **generations,
                     uv_loop_t *loop) {
  crew->running = crew->count;
  uv_timer_init(loop, &crew->tick);
  uv_timer_start(&crew->tick, on_tick, TICK_MS, TICK_MS);
  for (int i = 0; i < crew->count; i++) {
    struct worker *worker = &crew->workers[i];
    worker_start_take(worker, crew->fds[i], generations[i]);
    crew->fds[i] = -1;
    watchdog_start(&crew->watchdogs[i], loop, &worker->protocol.host,
                   &worker->edge.pulse);
  }
  mem_free(generations);
}

int crew_post(struct crew *crew, enum letter_kind kind) {
  int posted = 0;
  for (int i = 0; i < crew->count; i++)
    posted += worker_post(&crew->workers[i], kind);
  return posted;
}

bool crew_ended(struct crew *crew) {
  if (--crew->running > 0)
    return false;
  for (int i = 0; i < crew->count; i++)
    watchdog_stop(&crew->watchdogs[i]);
  uv_close((uv_handle_t *)&crew->tick, NULL);
  return true;
}

void crew_join(struct crew *crew) {
  for (int i = 0; i < crew->count; i++)
    worker_join(&crew->workers[i]);
}

void crew_free(struct crew *crew) {
  for (int i = 0; i < crew->count; i++) {
    worker_free(&crew->workers[i]);
    if (crew->fds[i] >= 0)
      close(crew->fds[i]);
  }
  listen_remove(crew->address);
  engine_free(crew->engine);
  presence_free(crew->presence);
  board_free(crew->board);
  bus_free(crew->bus);
  mem_free(crew->workers);
  mem_free(crew->watchdogs);
  mem_free(crew->fds);
  mem_free(crew->desks);
}
