/* SPDX-License-Identifier: MIT
 * What waits to be written to one connection: a FIFO of frame references.
 * hub/conn says how many bytes it may hold, and what a full one means.
 *
 * Most of the time only a frame or two wait, for the rest of a loop turn. These
 * stand inside the struct. More than that go to a ring on the heap. The ring is
 * given back when the queue has drained: an idle connection has none. */
#ifndef HUB_OUTQ_H
#define HUB_OUTQ_H

#include "wire/frame.h"

enum { OUTQ_INLINE = 2 };

struct outq {
  struct frame **ring; /* `few`, or on the heap; capacity is a power of 2 */
  uint32_t head, count, cap;
  uint32_t bytes; /* of all waiting frames */
  struct frame *few[OUTQ_INLINE];
};

/* The queue must not move in memory afterwards. */
void outq_init(struct outq *queue);

/* Takes a reference of its own. */
void outq_push(struct outq *queue, struct frame *frame);

/* The frame at position `i` from the front; NULL past the end. */
static inline struct frame *outq_peek(const struct outq *queue, uint32_t i) {
  if (i >= queue->count)
    return NULL;
  return queue->ring[(queue->head + i) & (queue->cap - 1)];
}

/* Moves all frames to `to`, which is empty. */
void outq_move(struct outq *from, struct outq *to);

/* Drops the first `n` frames (n ≤ count). */
void outq_drop(struct outq *queue, uint32_t n);

/* Drops frames from the end. Those that hold the first `bytes` stay. */
void outq_keep(struct outq *queue, size_t bytes);

/* Drops everything. */
static inline void outq_clear(struct outq *queue) {
  outq_drop(queue, queue->count);
}

#endif
