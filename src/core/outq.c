/* SPDX-License-Identifier: MIT
 * A bounded FIFO of frames. */
#include "core/outq.h"

#include "base/err.h"
#include "base/mem.h"

static void grow(struct outq *queue) {
  struct frame **ring =
      mem_alloc_raw((size_t)queue->cap * 2 * sizeof(struct frame *));
  for (uint32_t i = 0; i < queue->count; i++)
    ring[i] = outq_peek(queue, i);
  if (queue->ring != queue->few)
    mem_free(queue->ring);
  queue->ring = ring;
  queue->head = 0;
  queue->cap *= 2;
}

void outq_init(struct outq *queue) {
  *queue = (struct outq){.cap = OUTQ_INLINE};
  queue->ring = queue->few;
}

int outq_push(struct outq *queue, struct frame *frame, size_t limit) {
  if (queue->bytes + (size_t)frame->len > limit)
    return ERR_FULL;
  if (queue->count == queue->cap)
    grow(queue);
  queue->ring[(queue->head + queue->count) & (queue->cap - 1)] =
      frame_ref(frame);
  queue->count++;
  queue->bytes += frame->len;
  return 0;
}

void outq_drop(struct outq *queue, uint32_t n) {
  for (; n > 0; n--) {
    struct frame *frame = queue->ring[queue->head];
    queue->head = (queue->head + 1) & (queue->cap - 1);
    queue->count--;
    queue->bytes -= frame->len;
    frame_unref(frame);
  }
  if (queue->count == 0 && queue->ring != queue->few) {
    mem_free(queue->ring);
    outq_init(queue);
  }
}
