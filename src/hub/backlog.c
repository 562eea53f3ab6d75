/* SPDX-License-Identifier: MIT
 * The account of queues that do not drain. */
#include "hub/backlog.h"

#include "base/attr.h"

/* Of the two in one word. */
#define TIME_MASK     (((uint64_t)1 << 40) - 1)
#define PATIENCE_MASK (((uint64_t)1 << 24) - 1)

/* In add_patience: 8 KiB a second, and how many times limits.stall_s. */
enum { SLOW_BYTES = 8, STALL_TIMES = 3 };

void backlog_init(struct backlog *backlog, size_t limit) {
  *backlog = (struct backlog){.limit = limit};
  for (size_t i = 0; i < BACKLOG_SIZES; i++)
    list_init(&backlog->sizes[i]);
}

/* The list for a queue of so many bytes, which are not 0. */
static struct list *list_for(struct backlog *backlog, size_t bytes) {
  size_t power = 63 - (size_t)__builtin_clzll(bytes);
  return &backlog->sizes[power < BACKLOG_SIZES ? power : BACKLOG_SIZES - 1];
}

/* How far the peer had come is asked when the stalled are looked for, not
 * each time that a socket is full for a moment. */
static void start_watch(struct backlog_entry *entry, uint64_t now_ms) {
  entry->acked = UINT64_MAX;
  entry->acked_ms = now_ms & TIME_MASK;
}

void backlog_put(struct backlog *backlog, struct backlog_entry *entry,
                 size_t bytes, uint64_t now_ms) {
  size_t before = entry->bytes;
  backlog->bytes = backlog->bytes - before + bytes;
  entry->bytes = bytes;
  if (bytes == 0) {
    list_remove(&entry->node);
    return;
  }
  struct list *list = list_for(backlog, bytes);
  if (!list_linked(&entry->node))
    start_watch(entry, now_ms);
  else if (list == list_for(backlog, before))
    return;
  list_remove(&entry->node);
  list_push(list, &entry->node);
}

struct backlog_entry *backlog_largest(const struct backlog *backlog) {
  for (size_t i = BACKLOG_SIZES; i > 0; i--)
    if (!list_empty(&backlog->sizes[i - 1]))
      return container_of(backlog->sizes[i - 1].next, struct backlog_entry,
                          node);
  return NULL;
}

/* Behind a proxy that has much room, a slow client is seen in lumps: the window
 * opens when a sixteenth of the proxy's buffer is free, 384 KiB at most, which
 * 10 KB/s take for 38 s. So what was acknowledged gives time as if it had been
 * taken at SLOW_BYTES a millisecond, STALL_TIMES of the limit at most. */
static void add_patience(struct backlog_entry *entry, uint64_t acked,
                         uint64_t now_ms, uint64_t stall_ms) {
  uint64_t past = now_ms - entry->acked_ms, left = 0, lump = 0;
  if (entry->acked != UINT64_MAX) {
    left = entry->patience_ms > past ? entry->patience_ms - past : 0;
    /* Of a Unix socket it is what waits, which counts down. */
    lump = acked > entry->acked ? acked - entry->acked : entry->acked - acked;
  }
  left += lump / SLOW_BYTES;
  if (left < stall_ms)
    left = stall_ms;
  if (left > STALL_TIMES * stall_ms)
    left = STALL_TIMES * stall_ms;
  entry->patience_ms = left & PATIENCE_MASK; /* limits.stall_s is an hour */
}

bool backlog_is_stalled(struct backlog_entry *entry, uint64_t acked,
                        uint64_t now_ms, uint64_t stall_ms) {
  if (acked == entry->acked)
    return now_ms - entry->acked_ms >= entry->patience_ms;
  add_patience(entry, acked, now_ms, stall_ms);
  entry->acked = acked;
  entry->acked_ms = now_ms & TIME_MASK;
  return false;
}
