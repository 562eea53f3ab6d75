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

static void look_at_handler(struct watchdog *watchdog) {
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
    log_error("worker=%d handler=%s has held the loop for %u s, and "
              "script.burst_ms has not ended it",
              host->worker, handler->name, looks * LOOK_MS / 1000);
}

static const char *doing(const struct watchdog *watchdog) {
  const char *what =
      atomic_load_explicit(&watchdog->pulse->doing, memory_order_relaxed);
  return what ? what : "starting";
}

/* One that has not begun to turn has time. */
static void look_at_loop(struct watchdog *watchdog) {
  uint32_t turns =
      atomic_load_explicit(&watchdog->pulse->turns, memory_order_acquire);
  if (turns == 0 || turns != watchdog->turns) {
    watchdog->turns = turns;
    watchdog->still = 0;
    return;
  }
  unsigned still = ++watchdog->still;
  if (still % LOOKS_AGAIN == 0 && watchdog->looks == 0)
    log_error("worker=%d its loop has not turned for %u s, and no handler "
              "runs: it was %s",
              watchdog->host->worker, still * LOOK_MS / 1000, doing(watchdog));
}

void watchdog_look(struct watchdog *watchdog) {
  look_at_handler(watchdog);
  look_at_loop(watchdog);
}

static void on_look(uv_timer_t *timer) {
  watchdog_look(container_of(timer, struct watchdog, timer));
}

void watchdog_start(struct watchdog *watchdog, uv_loop_t *loop,
                    struct host *host, const struct pulse *pulse) {
  *watchdog = (struct watchdog){.host = host, .pulse = pulse};
  uv_timer_init(loop, &watchdog->timer);
  uv_timer_start(&watchdog->timer, on_look, LOOK_MS, LOOK_MS);
}

bool watchdog_is_stuck(const struct watchdog *watchdog, struct buf *text) {
  if (watchdog->still < LOOKS_AGAIN)
    return false;
  const char *name = watchdog_holder(watchdog);
  buf_printf(text,
             "worker %d has not turned for %u s: ", watchdog->host->worker,
             watchdog->still * LOOK_MS / 1000);
  if (name)
    buf_printf(text, "the handler %s holds it\n", name);
  else
    buf_printf(text, "it was %s\n", doing(watchdog));
  return true;
}

const char *watchdog_holder(const struct watchdog *watchdog) {
  const struct handler *handler =
      atomic_load_explicit(&watchdog->host->running, memory_order_relaxed);
  return handler && watchdog->looks >= LOOKS ? handler->name : NULL;
}

void watchdog_stop(struct watchdog *watchdog) {
  uv_close((uv_handle_t *)&watchdog->timer, NULL);
}
