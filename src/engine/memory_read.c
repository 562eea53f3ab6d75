/* SPDX-License-Identifier: MIT
 * Reads of engine/memory.
 *
 * What is asked for is found under the lock of the room's shard, in a turn of
 * the loop of who has asked. When a message came is told in the time of the
 * world, which is made from the engine's when it is told. */
#include "engine/memory_read.h"

#include "base/mem.h"

#include <string.h>
#include <time.h>

enum { MS = 1000000, CLOCK_SET_MS = 1000 };

struct engine_read {
  struct task task;
  struct list node;
  struct memory *memory;
  int worker;
  struct engine_query query;
  struct rule rule;
  engine_read_fn *done;
  void *arg;
  char room[];
};

/* What is said of a room that has no channel. */
static void answer_nothing(const struct engine_query *query, uint64_t era,
                           const char *epoch, struct engine_answer *answer) {
  *answer = (struct engine_answer){.now = {.era = era}};
  answer->recovered = query->range != ENGINE_SINCE ||
                      (query->after == 0 && strcmp(query->epoch, epoch) == 0);
}

static void find_answer(struct engine_read *read,
                        struct engine_answer *answer) {
  const struct engine_query *query = &read->query;
  uint32_t hash = hash_bytes(read->room, query->room_len);
  uint64_t now_ms = uv_hrtime() / MS;
  char epoch[ENGINE_EPOCH_BYTES];
  struct shard *shard = memory_lock_shard(read->memory, hash);
  struct channel *channel =
      shard_find(shard, read->room, query->room_len, hash, now_ms);
  uint64_t era = channel ? channel->at.era : shard_era(shard, hash);
  memory_epoch(&read->memory->engine, era, epoch);
  if (channel) {
    channel_bound(channel, &read->rule, now_ms);
    channel_read(channel, query, epoch, answer);
    if (query->repairs && !answer->more)
      worker_set_remove(&channel->behind, read->worker);
  } else {
    answer_nothing(query, era, epoch, answer);
  }
  memory_unlock_shard(shard);
}

static int64_t measure_apart(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / MS -
         (int64_t)(uv_hrtime() / MS);
}

/* How far the clock of the world is ahead of the engine's. It is measured
 * again only when one has been set: the time of a message must not change by a
 * millisecond from one answer to the next. */
int64_t memory_clocks_apart(struct memory *memory) {
  int64_t apart = measure_apart();
  int64_t known = atomic_load_explicit(&memory->apart_ms, memory_order_relaxed);
  if (apart - known < CLOCK_SET_MS && known - apart < CLOCK_SET_MS)
    return known;
  atomic_store_explicit(&memory->apart_ms, apart, memory_order_relaxed);
  return apart;
}

static void tell_times(struct memory *memory,
                       const struct engine_answer *answer) {
  struct engine_message *messages = (struct engine_message *)answer->messages;
  int64_t apart = memory_clocks_apart(memory);
  for (uint32_t i = 0; i < answer->count; i++)
    messages[i].at_ms += apart;
}

static void on_read_due(struct task *task) {
  struct engine_read *read = container_of(task, struct engine_read, task);
  struct engine_answer answer;
  list_remove(&read->node);
  find_answer(read, &answer);
  tell_times(read->memory, &answer);
  read->done(read->arg, &answer);
  for (uint32_t i = 0; i < answer.count; i++)
    frame_unref(answer.messages[i].frame);
  mem_free((void *)answer.messages);
  mem_free(read);
}

struct engine_read *memory_read(struct engine *engine, int worker,
                                const struct engine_query *query,
                                engine_read_fn *done, void *arg) {
  struct memory *memory = memory_of(engine);
  struct memory_reader *reader = &memory->readers[worker];
  struct engine_read *read = mem_alloc(sizeof *read + query->room_len + 1);
  memcpy(read->room, query->room, query->room_len);
  read->query = *query;
  read->rule = *query->rule;
  read->query.room = read->room;
  read->query.rule = &read->rule;
  read->memory = memory;
  read->worker = worker;
  read->done = done;
  read->arg = arg;
  read->task.run = on_read_due;
  list_init(&read->task.node);
  list_init(&read->node);
  list_push(&reader->reads, &read->node);
  turn_add(reader->turn, TURN_CLIENTS, &read->task);
  return read;
}

void memory_read_cancel(struct engine_read *read) {
  list_remove(&read->task.node);
  list_remove(&read->node);
  mem_free(read);
}

void memory_read_attach(struct engine *engine, int worker, struct turn *turn) {
  memory_of(engine)->readers[worker].turn = turn;
}

/* One more reader than workers: see engine_attach. */
void memory_reads_init(struct memory *memory) {
  size_t count = (size_t)memory->common.workers + 1;
  memory->readers = mem_alloc(count * sizeof *memory->readers);
  for (size_t i = 0; i < count; i++)
    list_init(&memory->readers[i].reads);
  atomic_init(&memory->apart_ms, measure_apart());
}

void memory_reads_free(struct memory *memory) {
  struct list *node;
  for (int i = 0; i <= memory->common.workers; i++)
    while ((node = list_shift(&memory->readers[i].reads)))
      mem_free(container_of(node, struct engine_read, node));
  mem_free(memory->readers);
}
