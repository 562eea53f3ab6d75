/* SPDX-License-Identifier: MIT
 * Figures of a worker. */
#include "server/snapshot.h"

#include "script/generation.h"

#include <stddef.h>

/* One figure: where it is in a snapshot, and what to say about it. */
struct figure {
  const char *name, *help;
  size_t offset;
  bool counter;
};

static const struct figure figures[] = {
#define FIGURE(name, help)                                                     \
  {#name, help, offsetof(struct snapshot, name), false},
    SNAPSHOT_MAP(FIGURE)
#undef FIGURE
#define FIGURE(name, help)                                                     \
  {#name, help, offsetof(struct snapshot, stats.name), true},
        STATS_MAP(FIGURE)
#undef FIGURE
};

static uint64_t value_of(const struct snapshot *snapshot,
                         const struct figure *figure) {
  uint64_t value;
  memcpy(&value, (const char *)snapshot + figure->offset, sizeof value);
  return value;
}

/* Of the live generation and of those that retire. */
static uint64_t lua_bytes(const struct host *host) {
  uint64_t bytes = host->live->heap.used;
  LIST_FOREACH (it, &host->retiring)
    bytes += container_of(it, struct generation, node)->heap.used;
  return bytes;
}

static uint64_t queued(const struct manager *manager) {
  uint64_t bytes = 0;
  LIST_FOREACH (it, &manager->conns)
    bytes += container_of(it, struct conn, node)->out.bytes;
  return bytes;
}

void snapshot_take(struct snapshot *snapshot, const struct protocol *protocol) {
  const struct manager *manager = &protocol->manager;
  const struct generation *live = protocol->host.live;
  *snapshot = (struct snapshot){
      .worker = protocol->host.worker,
      .answering = true,
      .stats = protocol->stats,
      .connections = manager->count,
      .users = HASH_COUNT(manager->users),
      .rooms = HASH_COUNT(manager->rooms),
      .sessions = manager->owner.replays.count,
      .sessions_away = manager->owner.replays.parked,
      .replay_bytes = manager->owner.replays.bytes,
      .queue_bytes = queued(manager),
      .lua_bytes = lua_bytes(&protocol->host),
      .handlers = HASH_COUNT(live->handlers),
      .generation = live->number,
  };
}

static void print_figure_head(struct buf *out, const struct figure *figure) {
  const char *suffix = figure->counter ? "_total" : "";
  buf_printf(out, "# HELP perigee_%s%s %s\n# TYPE perigee_%s%s %s\n",
             figure->name, suffix, figure->help, figure->name, suffix,
             figure->counter ? "counter" : "gauge");
}

static void print_answering(const struct snapshot *snapshots, size_t count,
                            struct buf *out) {
  buf_puts(out, "# HELP perigee_worker_answering 0: busy for a second; its "
                "other figures are older ones\n"
                "# TYPE perigee_worker_answering gauge\n");
  for (size_t i = 0; i < count; i++)
    buf_printf(out, "perigee_worker_answering{worker=\"%zu\"} %d\n", i + 1,
               snapshots[i].answering);
}

void snapshot_print(const struct snapshot *snapshots, size_t count,
                    struct buf *out) {
  print_answering(snapshots, count, out);
  for (size_t f = 0; f < ARRAY_SIZE(figures); f++) {
    const struct figure *figure = &figures[f];
    print_figure_head(out, figure);
    for (size_t i = 0; i < count; i++)
      if (snapshots[i].worker)
        buf_printf(out, "perigee_%s%s{worker=\"%d\"} %llu\n", figure->name,
                   figure->counter ? "_total" : "", snapshots[i].worker,
                   (unsigned long long)value_of(&snapshots[i], figure));
  }
}

static void print_figures(const struct snapshot *snapshot, size_t number,
                          struct buf *out) {
  buf_printf(out, "{\"worker\":%zu,\"answering\":%s", number,
             snapshot->answering ? "true" : "false");
  for (size_t f = 0; f < ARRAY_SIZE(figures) && snapshot->worker; f++)
    buf_printf(out, ",\"%s\":%llu", figures[f].name,
               (unsigned long long)value_of(snapshot, &figures[f]));
  buf_putc(out, '}');
}

void snapshot_print_json(const struct snapshot *snapshots, size_t count,
                         struct buf *out) {
  buf_putc(out, '[');
  for (size_t i = 0; i < count; i++) {
    if (i > 0)
      buf_putc(out, ',');
    print_figures(&snapshots[i], i + 1, out);
  }
  buf_putc(out, ']');
}
