/* SPDX-License-Identifier: MIT
 * The queues of a turn. */
#include "net/turn.h"

static bool run_first(struct list *queue) {
  struct list *node = list_shift(queue);
  if (!node)
    return false;
  struct task *task = container_of(node, struct task, node);
  task->run(task);
  return true;
}

/* Idle handles keep the loop from waiting: it looks for input, and comes back
 * here. */
static void on_idle(uv_idle_t *idle) {
  struct turn *turn = container_of(idle, struct turn, idle);
  uint64_t end = uv_hrtime() + TURN_PART_NS;
  bool more;
  do {
    more = false;
    for (int i = 0; i < TURN_QUEUES; i++) {
      turn_part_begin(turn);
      more |= run_first(&turn->queues[i]);
    }
  } while (more && uv_hrtime() < end);
  if (!more)
    uv_idle_stop(idle);
}

void turn_init(struct turn *turn, uv_loop_t *loop) {
  *turn = (struct turn){0};
  for (int i = 0; i < TURN_QUEUES; i++)
    list_init(&turn->queues[i]);
  uv_idle_init(loop, &turn->idle);
}

void turn_close(struct turn *turn) {
  uv_close((uv_handle_t *)&turn->idle, NULL);
}

void turn_add(struct turn *turn, enum turn_queue queue, struct task *task) {
  if (list_linked(&task->node))
    return;
  list_push(&turn->queues[queue], &task->node);
  if (!uv_is_active((uv_handle_t *)&turn->idle))
    uv_idle_start(&turn->idle, on_idle);
}

void turn_finish(struct turn *turn, enum turn_queue queue) {
  while (run_first(&turn->queues[queue]))
    continue;
}
