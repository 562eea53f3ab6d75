/* SPDX-License-Identifier: MIT
 * A FIFO of frames. */
#include "hub/outq.h"

#include "base/mem.h"

/* The first ring on the heap; where more than a few wait, many do. */
enum { RING_MIN = 16 };

static void grow(struct outq *queue) {
  uint32_t cap = queue->cap < RING_MIN ? RING_MIN : queue->cap * 2;
  struct frame **ring = mem_alloc_raw(cap * sizeof(struct frame *));
  for (uint32_t i = 0; i < queue->count; i++)
    ring[i] = outq_peek(queue, i);
  if (queue->ring != queue->few)
    mem_free(queue->ring);
  queue->ring = ring;
  queue->head = 0;
  queue->cap = cap;
}

void outq_init(struct outq *queue) {
  *queue = (struct outq){.cap = OUTQ_INLINE};
  queue->ring = queue->few;
}

void outq_push(struct outq *queue, struct frame *frame) {
  if (queue->count == queue->cap)
    grow(queue);
  queue->ring[(queue->head + queue->count) & (queue->cap - 1)] =
      frame_ref(frame);
  queue->count++;
  queue->bytes += frame->len;
}

void outq_move(struct outq *from, struct outq *to) {
  *to = *from;
  if (from->ring == from->few)
    to->ring = to->few;
  outq_init(from);
}

static void shrink(struct outq *queue) {
  if (queue->count == 0 && queue->ring != queue->few) {
    mem_free(queue->ring);
    outq_init(queue);
  }
}

void outq_keep(struct outq *queue, size_t bytes) {
  while (queue->count > 0) {
    struct frame *last = outq_peek(queue, queue->count - 1);
    if (queue->bytes - last->len < bytes)
      break;
    queue->count--;
    queue->bytes -= last->len;
    frame_unref(last);
  }
  shrink(queue);
}

void outq_drop(struct outq *queue, uint32_t n) {
  for (; n > 0; n--) {
    struct frame *frame = queue->ring[queue->head];
    queue->head = (queue->head + 1) & (queue->cap - 1);
    queue->count--;
    queue->bytes -= frame->len;
    frame_unref(frame);
  }
  shrink(queue);
}
