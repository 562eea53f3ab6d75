/* SPDX-License-Identifier: MIT
 * A ring of slots for each distance. No deadline is ever moved from ring to
 * ring, so that setting one, the most frequent thing by far, is cheap; finding
 * the next one looks at all slots, which happens a few times a second. */
#include "net/wheel.h"

static const struct {
  uint64_t grain_ms; /* of a slot */
  uint64_t reach_ms; /* for what is no further away */
} kinds[WHEEL_RINGS] = {
    {8, 500},
    {64, 4000},
    {256, (WHEEL_SLOTS - 1) * 256},
};

static struct list *slot_at(struct wheel *wheel, int ring, uint64_t due_ms) {
  return &wheel->rings[ring].slot[due_ms / kinds[ring].grain_ms % WHEEL_SLOTS];
}

/* --- the timer ---------------------------------------------------------- */

static uint64_t sooner(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* What is in one slot is due at the same time. (When the loop was held up, it
 * may have something newer as well, but behind that.) */
static uint64_t find_next(const struct wheel *wheel) {
  uint64_t next_ms = UINT64_MAX;
  for (int ring = 0; ring < WHEEL_RINGS; ring++)
    for (int i = 0; i < WHEEL_SLOTS; i++) {
      const struct list *slot = &wheel->rings[ring].slot[i];
      if (!list_empty(slot))
        next_ms = sooner(
            next_ms, container_of(slot->next, struct deadline, node)->due_ms);
    }
  return next_ms;
}

static void take_due(struct wheel *wheel, int ring, uint64_t now,
                     struct list *due) {
  uint64_t grain = kinds[ring].grain_ms;
  uint64_t from = wheel->rings[ring].served_ms / grain, to = now / grain;
  if (to - from > WHEEL_SLOTS)
    from = to - WHEEL_SLOTS;
  for (uint64_t at = from; at <= to; at++)
    LIST_FOREACH_SAFE (node, slot_at(wheel, ring, at * grain)) {
      if (container_of(node, struct deadline, node)->due_ms > now)
        break;
      list_remove(node);
      list_push(due, node);
    }
  wheel->rings[ring].served_ms = now;
}

static void on_timer(uv_timer_t *timer);

static void arm(struct wheel *wheel, uint64_t next_ms) {
  uint64_t now = uv_now(wheel->timer.loop);
  wheel->next_ms = next_ms;
  if (next_ms < UINT64_MAX && !uv_is_closing((uv_handle_t *)&wheel->timer))
    uv_timer_start(&wheel->timer, on_timer, next_ms > now ? next_ms - now : 0,
                   0);
}

static void on_timer(uv_timer_t *timer) {
  struct wheel *wheel = container_of(timer, struct wheel, timer);
  uint64_t now = uv_now(timer->loop);
  struct list due, *node;
  list_init(&due);
  for (int ring = 0; ring < WHEEL_RINGS; ring++)
    take_due(wheel, ring, now, &due);
  wheel->serves = true;
  while ((node = list_shift(&due)))
    wheel->serve(container_of(node, struct deadline, node));
  wheel->serves = false;
  arm(wheel, find_next(wheel));
}

/* --- deadlines ---------------------------------------------------------- */

void wheel_init(struct wheel *wheel, uv_loop_t *loop,
                void (*serve)(struct deadline *deadline)) {
  uv_timer_init(loop, &wheel->timer);
  wheel->next_ms = UINT64_MAX;
  wheel->serves = false;
  wheel->serve = serve;
  for (int ring = 0; ring < WHEEL_RINGS; ring++) {
    wheel->rings[ring].served_ms = uv_now(loop);
    for (int i = 0; i < WHEEL_SLOTS; i++)
      list_init(&wheel->rings[ring].slot[i]);
  }
}

void wheel_close(struct wheel *wheel) {
  uv_close((uv_handle_t *)&wheel->timer, NULL);
}

void wheel_set(struct wheel *wheel, struct deadline *deadline,
               uint64_t due_ms) {
  uint64_t now = uv_now(wheel->timer.loop);
  uint64_t away = due_ms > now ? due_ms - now : 0;
  int ring = 0;
  while (ring < WHEEL_RINGS - 1 && away > kinds[ring].reach_ms)
    ring++;
  uint64_t grain = kinds[ring].grain_ms;
  due_ms = now + sooner(away, kinds[ring].reach_ms);
  deadline->due_ms = (due_ms + grain - 1) / grain * grain;
  list_remove(&deadline->node);
  list_push(slot_at(wheel, ring, deadline->due_ms), &deadline->node);
  if (!wheel->serves && deadline->due_ms < wheel->next_ms)
    arm(wheel, deadline->due_ms);
}
