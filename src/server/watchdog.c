/* SPDX-License-Identifier: MIT
 * A look at the workers from outside. */
#include "server/watchdog.h"

#include "base/attr.h"
#include "base/log.h"
#include "script/generation.h"

enum {
  LOOK_MS = 250,
  LOOKS = 4,       /* as many in a row: held for a second */
  LOOKS_AGAIN = 40 /* said again after each ten seconds more */
};

static void look(uv_timer_t *timer) {
  struct watchdog *watchdog = container_of(timer, struct watchdog, timer);
  struct host *host = watchdog->host;
  uint32_t runs = atomic_load_explicit(&host->runs, memory_order_acquire);
  const struct handler *handler =
      atomic_load_explicit(&host->running, memory_order_relaxed);
  if (!handler || runs != watchdog->runs) {
    watchdog->runs = runs;
    watchdog->looks = 0;
    return;
  }
  unsigned looks = ++watchdog->looks;
  if (looks == LOOKS || looks % LOOKS_AGAIN == 0)
    log_error("worker=%d handler=%s has held the loop for %u s, in a C "
              "function that cannot be ended",
              host->worker, handler->name, looks * LOOK_MS / 1000);
}

void watchdog_start(struct watchdog *watchdog, uv_loop_t *loop,
                    struct host *host) {
  *watchdog = (struct watchdog){.host = host};
  uv_timer_init(loop, &watchdog->timer);
  uv_timer_start(&watchdog->timer, look, LOOK_MS, LOOK_MS);
}

const char *watchdog_holder(const struct watchdog *watchdog) {
  const struct handler *handler =
      atomic_load_explicit(&watchdog->host->running, memory_order_relaxed);
  return handler && watchdog->looks >= LOOKS ? handler->name : NULL;
}

void watchdog_stop(struct watchdog *watchdog) {
  uv_close((uv_handle_t *)&watchdog->timer, NULL);
}
