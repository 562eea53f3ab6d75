/* SPDX-License-Identifier: MIT
 * Which events may be sent now. */
#include "events/lanes.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct lane {
  UT_hash_handle hh;
  struct list waiting; /* lane_event.node, in order */
  size_t count;        /* of these */
  unsigned busy;       /* events of it in a batch */
  struct list ready;   /* in lanes->ready */
  char name[];
};

void lanes_init(struct lanes *lanes) {
  *lanes = (struct lanes){0};
  list_init(&lanes->ready);
}

/* --- lanes -------------------------------------------------------------- */

static struct lane *lane_named(struct lanes *lanes, const char *name) {
  struct lane *lane;
  size_t len = strlen(name);
  HASH_FIND(hh, lanes->table, name, len, lane);
  if (lane)
    return lane;
  lane = mem_alloc(sizeof *lane + len + 1);
  memcpy(lane->name, name, len);
  list_init(&lane->waiting);
  list_init(&lane->ready);
  HASH_ADD_KEYPTR(hh, lanes->table, lane->name, len, lane);
  return lane;
}

/* After each change: it is ready, or is not, or is of no use any more. */
static void settle_lane(struct lanes *lanes, struct lane *lane, bool first) {
  bool ready = lane->busy == 0 && lane->count > 0;
  if (ready && !list_linked(&lane->ready))
    list_push(first ? lanes->ready.next : &lanes->ready, &lane->ready);
  else if (!ready)
    list_remove(&lane->ready);
  if (lane->busy > 0 || lane->count > 0)
    return;
  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is in the table
  HASH_DEL(lanes->table, lane);
  mem_free(lane);
}

static void free_event(struct lanes *lanes, struct lane_event *event) {
  lanes->loaded--;
  lanes->loaded_len -= event->len;
  mem_free(event);
}

void lanes_add(struct lanes *lanes, const struct outbox_item *item) {
  struct lane *lane = lane_named(lanes, item->lane);
  struct lane_event *event = mem_alloc_raw(sizeof *event + item->body_len + 1);
  *event = (struct lane_event){.lane = lane,
                               .pos = item->pos,
                               .at_ms = item->at_ms,
                               .len = item->body_len};
  memcpy(event->body, item->body, item->body_len);
  event->body[item->body_len] = 0;
  list_init(&event->node);
  list_push(&lane->waiting, &event->node);
  lane->count++;
  lanes->waiting++;
  lanes->held += lane->busy > 0;
  lanes->loaded++;
  lanes->loaded_len += item->body_len;
  settle_lane(lanes, lane, false);
}

/* --- batches ------------------------------------------------------------ */

static int by_pos(const void *a, const void *b) {
  const struct lane_event *const *x = a, *const *y = b;
  return ((*x)->pos > (*y)->pos) - ((*x)->pos < (*y)->pos);
}

static void move_to_batch(struct lanes *lanes, struct lane *lane,
                          struct batch *batch) {
  struct list *node = list_shift(&lane->waiting);
  struct lane_event *event = container_of(node, struct lane_event, node);
  batch->events[batch->count++] = event;
  batch->bytes += event->len + 1; /* and a comma */
  lane->count--;
  lane->busy++;
  lanes->waiting--;
}

static bool batch_has_room(const struct batch *batch, const struct lane *lane,
                           unsigned max, size_t bytes) {
  const struct lane_event *next =
      container_of(lane->waiting.next, struct lane_event, node);
  return batch->count == 0 ||
         (batch->count < max && batch->bytes + next->len + 1 <= bytes);
}

struct batch *lanes_take(struct lanes *lanes, unsigned max, size_t bytes) {
  if (list_empty(&lanes->ready))
    return NULL;
  struct batch *batch = mem_alloc(sizeof *batch);
  batch->events = mem_alloc(max * sizeof(struct lane_event *));
  list_init(&batch->node);
  while (!list_empty(&lanes->ready)) {
    struct lane *lane = container_of(lanes->ready.next, struct lane, ready);
    if (!batch_has_room(batch, lane, max, bytes))
      break;
    while (lane->count > 0 && batch_has_room(batch, lane, max, bytes))
      move_to_batch(lanes, lane, batch);
    lanes->held += lane->count;
    settle_lane(lanes, lane, false);
  }
  qsort(batch->events, batch->count, sizeof(struct lane_event *), by_pos);
  return batch;
}

/* An event leaves the batch; those behind it may be free to go then. */
static void leave_batch(struct lanes *lanes, struct lane *lane) {
  if (--lane->busy == 0)
    lanes->held -= lane->count;
}

static void put_event_back(struct lanes *lanes, struct lane_event *event) {
  struct lane *lane = event->lane;
  list_push(lane->waiting.next, &event->node);
  lane->count++;
  lanes->waiting++;
  lanes->held++;
  leave_batch(lanes, lane);
  settle_lane(lanes, lane, true);
}

void lanes_halve(struct lanes *lanes, struct batch *batch) {
  unsigned half = (batch->count + 1) / 2;
  while (batch->count > half) {
    struct lane_event *last = batch->events[--batch->count];
    batch->bytes -= last->len + 1;
    put_event_back(lanes, last);
  }
}

void lanes_drop(struct lanes *lanes, struct batch *batch, unsigned at) {
  struct lane_event *event = batch->events[at];
  struct lane *lane = event->lane;
  batch->bytes -= event->len + 1;
  batch->count--;
  memmove(&batch->events[at], &batch->events[at + 1],
          (batch->count - at) * sizeof(struct lane_event *));
  free_event(lanes, event);
  leave_batch(lanes, lane);
  settle_lane(lanes, lane, false);
}

void lanes_done(struct lanes *lanes, struct batch *batch) {
  while (batch->count > 0)
    lanes_drop(lanes, batch, batch->count - 1);
  list_remove(&batch->node);
  mem_free(batch->events);
  mem_free(batch);
}

void lanes_free(struct lanes *lanes) {
  struct lane *lane = NULL, *next = NULL;
  struct list *node;
  HASH_ITER (hh, lanes->table, lane, next) {
    while ((node = list_shift(&lane->waiting)))
      free_event(lanes, container_of(node, struct lane_event, node));
    HASH_DEL(lanes->table, lane);
    mem_free(lane);
  }
}
