/* SPDX-License-Identifier: MIT
 * Histories in memory.
 *
 * Rooms are spread over shards, each with a lock. A publication takes the lock
 * of its room's shard once: under it the message gets its number and becomes a
 * frame, is kept, and is posted to the workers that are in the room.
 *
 * What all rooms keep has one bound. Each shard has its rooms in the order of
 * their last use, and says when its first one was used. When the bound is
 * exceeded, whoever has published looks for the shard with the oldest one, and
 * has it lose it; without holding a lock meanwhile. So the order of all rooms
 * is exact, but for what other threads do at that moment.
 *
 * Time is that of uv_hrtime, so that a clock that is set drops nothing. What
 * is told about when a message came is made from it when it is told. */
#include "engine/memory.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/memory_follow.h"
#include "engine/memory_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
  MS = 1000000, /* nanoseconds */
  CLOCK_SET_MS = 1000,
  TICK_SHARDS = 4, /* looked through by one tick: all of them in 16 */
  TICK_ROOMS = 256 /* looked at while nobody else gets the lock */
};

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

/* --- shards ------------------------------------------------------------- */

static uint64_t oldest_of(const struct shard *shard) {
  return atomic_load_explicit(&shard->oldest_ns, memory_order_relaxed);
}

/* The shard whose first room was used longest ago; NULL: none has any. */
static struct shard *oldest_shard(struct memory *memory) {
  struct shard *oldest = &memory->shards[0];
  for (int i = 1; i < SHARDS; i++)
    if (oldest_of(&memory->shards[i]) < oldest_of(oldest))
      oldest = &memory->shards[i];
  return oldest_of(oldest) == SHARD_NOTHING ? NULL : oldest;
}

static bool is_over_bound(const struct memory *memory) {
  return atomic_load_explicit(&memory->common.bytes, memory_order_relaxed) >
         memory->common.max_bytes;
}

void memory_make_room(struct memory *memory) {
  struct shard *shard;
  while (is_over_bound(memory) && (shard = oldest_shard(memory))) {
    uv_mutex_lock(&shard->lock);
    if (!list_empty(&shard->use)) {
      shard->evicted++;
      shard_lose(shard, container_of(shard->use.next, struct channel, use),
                 uv_hrtime());
    }
    memory_unlock_shard(shard);
  }
}

/* --- members ------------------------------------------------------------ */

static struct engine_position enter_room(struct engine *engine, int worker,
                                         const char *room, size_t len,
                                         const struct rule *rule) {
  uint32_t hash = hash_bytes(room, len);
  uint64_t now_ns = uv_hrtime();
  struct shard *shard = memory_lock_shard(memory_of(engine), hash);
  struct channel *channel = shard_ensure(shard, room, len, hash, now_ns / MS);
  struct engine_position at = channel->at;
  channel_bound(channel, rule, now_ns / MS);
  worker_set_add(&channel->inside, worker);
  worker_set_remove(&channel->behind, worker);
  shard_recount(shard, channel, now_ns);
  memory_unlock_shard(shard);
  return at;
}

static void exit_room(struct engine *engine, int worker, const char *room,
                      size_t len) {
  uint32_t hash = hash_bytes(room, len);
  uint64_t now_ns = uv_hrtime();
  struct shard *shard = memory_lock_shard(memory_of(engine), hash);
  struct channel *channel = shard_find(shard, room, len, hash, now_ns / MS);
  if (channel) {
    worker_set_remove(&channel->inside, worker);
    worker_set_remove(&channel->behind, worker);
    shard_used(shard, channel, now_ns);
  }
  memory_unlock_shard(shard);
}

/* --- publishing --------------------------------------------------------- */

struct frame *memory_frame(const char *text, size_t len, size_t number_at,
                           uint64_t seq) {
  char number[32];
  int number_len =
      snprintf(number, sizeof number, ",\"seq\":%llu", (unsigned long long)seq);
  const struct slice message = {text, len};
  const struct slice parts[] = {
      {message.at, number_at},
      {number, (size_t)number_len},
      slice_after(message, number_at),
  };
  return frame_new_joined(FRAME_TEXT, parts, 3);
}

static bool may_deliver(const struct channel *channel,
                        const struct engine_publication *publication) {
  const struct engine_position *delivered = &publication->delivered;
  return publication->is_in && delivered->era == channel->at.era &&
         delivered->seq + 1 == channel->at.seq;
}

/* To the workers that are inside, and to the one that publishes. */
static void hand_out(struct shard *shard, struct channel *channel,
                     struct frame *frame,
                     const struct engine_publication *publication,
                     struct engine_result *result) {
  bool direct = may_deliver(channel, publication);
  struct bus_letter letter = {.what = BUS_SEND,
                              .frame = frame,
                              .except = publication->except,
                              .drop = publication->drop};
  result->left_out =
      shard_post(shard, channel, &letter, direct ? publication->worker : -1);
  if (direct)
    result->frame = frame_ref(frame);
}

static void publish_next(struct shard *shard, struct channel *channel,
                         const struct engine_publication *publication,
                         struct engine_result *result, uint64_t now_ns) {
  channel_bound(channel, publication->rule, now_ns / MS);
  channel->at.seq++;
  result->at = channel->at;
  shard->published++;
  struct frame *frame = memory_frame(publication->text, publication->len,
                                     publication->number_at, channel->at.seq);
  channel_keep(channel, frame, publication, now_ns / MS);
  hand_out(shard, channel, frame, publication, result);
  frame_unref(frame);
}

static void publish_to_channel(struct engine *engine,
                               const struct engine_publication *publication,
                               struct engine_result *result) {
  struct memory *memory = memory_of(engine);
  uint32_t hash = hash_bytes(publication->room, publication->room_len);
  uint64_t now_ns = uv_hrtime();
  struct once_name name = {publication->room, publication->room_len,
                           publication->id, publication->id_len};
  *result = (struct engine_result){.left_out = -1};
  struct shard *shard = memory_lock_shard(memory, hash);
  struct channel *channel =
      shard_ensure(shard, name.room, name.room_len, hash, now_ns / MS);
  result->at = channel->at;
  if (name.id && !shard_is_new(shard, &name, now_ns / MS, &result->at.seq)) {
    result->repeated = true;
    shard_recount(shard, channel, now_ns);
  } else {
    publish_next(shard, channel, publication, result, now_ns);
    if (name.id)
      shard_note_id(shard, &name, result->at.seq, now_ns / MS);
    shard_used(shard, channel, now_ns);
  }
  memory_unlock_shard(shard);
  memory_make_room(memory);
}

static bool is_new_id(struct engine *engine, const char *room, size_t len,
                      const char *id, size_t id_len, uint64_t *seq) {
  uint64_t now_ms = uv_hrtime() / MS;
  struct once_name name = {room, len, id, id_len};
  struct shard *shard =
      memory_lock_shard(memory_of(engine), hash_bytes(room, len));
  bool is_new = shard_is_new(shard, &name, now_ms, seq);
  if (is_new)
    shard_note_id(shard, &name, 0, now_ms);
  memory_unlock_shard(shard);
  return is_new;
}

static void forget_room(struct engine *engine, const char *room, size_t len) {
  uint32_t hash = hash_bytes(room, len);
  uint64_t now_ns = uv_hrtime();
  struct shard *shard = memory_lock_shard(memory_of(engine), hash);
  struct channel *channel = shard_find(shard, room, len, hash, now_ns / MS);
  if (channel)
    shard_lose(shard, channel, now_ns);
  memory_unlock_shard(shard);
}

/* --- reading ------------------------------------------------------------ */

static void write_epoch(const struct engine *engine, uint64_t era,
                        char text[ENGINE_EPOCH_BYTES]) {
  const struct memory *memory = memory_of((struct engine *)engine);
  if (memory->common.follows)
    snprintf(text, ENGINE_EPOCH_BYTES, "%llx", (unsigned long long)era);
  else
    snprintf(text, ENGINE_EPOCH_BYTES, "%s.%llx", memory->prefix,
             (unsigned long long)era);
}

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
  write_epoch(&read->memory->engine, era, epoch);
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

static struct engine_read *begin_read(struct engine *engine, int worker,
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

static void cancel_read(struct engine_read *read) {
  list_remove(&read->task.node);
  list_remove(&read->node);
  mem_free(read);
}

static void attach_worker(struct engine *engine, int worker,
                          struct turn *turn) {
  memory_of(engine)->readers[worker].turn = turn;
}

/* --- what goes with time ------------------------------------------------- */

static void set_memory_rules(struct engine *engine, struct rules *rules) {
  struct memory *memory = memory_of(engine);
  uv_mutex_lock(&memory->rules_lock);
  struct rules *before = memory->rules;
  memory->rules = rules_ref(rules);
  memory->rules_number++;
  uv_mutex_unlock(&memory->rules_lock);
  rules_unref(before);
}

/* Rules of one moment. */
struct rules_now {
  struct rules *rules; /* held */
  uint32_t number;
};

static struct rules_now hold_rules(struct memory *memory) {
  uv_mutex_lock(&memory->rules_lock);
  struct rules_now now = {rules_ref(memory->rules), memory->rules_number};
  uv_mutex_unlock(&memory->rules_lock);
  return now;
}

static struct rules *hold_memory_rules(struct engine *engine) {
  return hold_rules(memory_of(engine)).rules;
}

/* A rule that is gone keeps nothing. But as long as a worker is inside, these
 * may be old rules, and that worker may know of the next ones: so this is done
 * when the channel is looked at again. */
static void apply_rules(struct channel *channel, const struct rules_now *now,
                        uint64_t now_ms) {
  static const struct rule nothing = {0};
  const struct rule *rule =
      rules_find(now->rules, channel->name, channel->hh.keylen);
  bool numbered = rule && rule->numbered;
  bool sure = numbered || worker_set_empty(&channel->inside) ||
              channel->without == now->number;
  if (!numbered)
    channel->without = now->number;
  if (sure) {
    channel_bound(channel, numbered ? rule : &nothing, now_ms);
    channel->rules = now->number;
  }
}

static void look_at_channel(struct shard *shard, struct channel *channel,
                            const struct rules_now *now) {
  uint64_t now_ns = uv_hrtime();
  if (channel->rules != now->number)
    apply_rules(channel, now, now_ns / MS);
  channel_trim(channel, now_ns / MS);
  shard_recount(shard, channel, now_ns);
}

/* Looks at the next rooms; returns how many. */
static uint32_t look_at_some(struct shard *shard, uint32_t most,
                             const struct rules_now *now) {
  uint32_t seen = 0;
  uv_mutex_lock(&shard->lock);
  while (seen < most && seen < TICK_ROOMS && !list_empty(&shard->all)) {
    struct list *node = list_shift(&shard->all);
    list_push(&shard->all, node);
    look_at_channel(shard, container_of(node, struct channel, all), now);
    seen++;
  }
  shard_expire_ids(shard, uv_hrtime() / MS);
  uv_mutex_unlock(&shard->lock);
  return seen;
}

static uint32_t count_rooms(struct shard *shard) {
  uv_mutex_lock(&shard->lock);
  uint32_t rooms = shard->rooms;
  uv_mutex_unlock(&shard->lock);
  return rooms;
}

static void tick_memory(struct engine *engine) {
  struct memory *memory = memory_of(engine);
  struct rules_now now = hold_rules(memory);
  for (int i = 0; i < TICK_SHARDS; i++) {
    struct shard *shard = &memory->shards[memory->tick_shard++ % SHARDS];
    uint32_t rest = count_rooms(shard), seen;
    do {
      seen = look_at_some(shard, rest, &now);
      rest -= seen;
    } while (seen > 0 && rest > 0);
  }
  rules_unref(now.rules);
}

/* --- life --------------------------------------------------------------- */

static struct engine_stats memory_stats(struct engine *engine) {
  struct memory *memory = memory_of(engine);
  struct engine_stats sum = {0};
  for (int i = 0; i < SHARDS; i++) {
    struct shard *shard = &memory->shards[i];
    uv_mutex_lock(&shard->lock);
    sum.rooms += shard->rooms;
    sum.messages += shard->messages;
    sum.published += shard->published;
    sum.repeated += shard->repeated;
    sum.evicted += shard->evicted;
    uv_mutex_unlock(&shard->lock);
  }
  sum.bytes = atomic_load_explicit(&memory->common.bytes, memory_order_relaxed);
  return sum;
}

static void free_memory(struct engine *engine) {
  struct memory *memory = memory_of(engine);
  struct list *node;
  for (int i = 0; i <= memory->common.workers; i++)
    while ((node = list_shift(&memory->readers[i].reads)))
      mem_free(container_of(node, struct engine_read, node));
  for (int i = 0; i < SHARDS; i++)
    shard_free(&memory->shards[i]);
  rules_unref(memory->rules);
  uv_mutex_destroy(&memory->rules_lock);
  mem_free(memory->readers);
  mem_free(memory);
}

static const struct engine_ops memory_ops = {.enter = enter_room,
                                             .exit = exit_room,
                                             .publish = publish_to_channel,
                                             .read = begin_read,
                                             .cancel = cancel_read,
                                             .forget = forget_room,
                                             .once = is_new_id,
                                             .epoch = write_epoch,
                                             .attach = attach_worker,
                                             .set_rules = set_memory_rules,
                                             .hold_rules = hold_memory_rules,
                                             .tick = tick_memory,
                                             .stats = memory_stats,
                                             .free = free_memory};

static void make_prefix(char prefix[MEMORY_PREFIX_BYTES]) {
  static const char digits[] = "abcdefghijkmnpqrstuvwxyz23456789";
  unsigned char bytes[MEMORY_PREFIX_BYTES - 1];
  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
    log_error("the system has no random numbers");
    abort();
  }
  for (size_t i = 0; i < sizeof bytes; i++)
    prefix[i] = digits[bytes[i] % (sizeof digits - 1)];
}

struct engine *memory_new(struct bus *bus, int workers, size_t max_bytes) {
  struct memory *memory = mem_alloc(sizeof *memory);
  memory->engine.ops = &memory_ops;
  memory->common = (struct shard_common){
      .bus = bus, .workers = workers, .max_bytes = max_bytes};
  for (int i = 0; i < SHARDS; i++)
    shard_init(&memory->shards[i], &memory->common);
  /* One more than workers: see engine_attach. */
  memory->readers = mem_alloc(((size_t)workers + 1) * sizeof *memory->readers);
  for (int i = 0; i <= workers; i++)
    list_init(&memory->readers[i].reads);
  uv_mutex_init(&memory->rules_lock);
  make_prefix(memory->prefix);
  atomic_init(&memory->apart_ms, measure_apart());
  return &memory->engine;
}
