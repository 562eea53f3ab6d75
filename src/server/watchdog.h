/* SPDX-License-Identifier: MIT
 * Says which handler holds a worker's loop in a C function.
 *
 * The budget ends Lua code. It cannot end a C function of the standard library
 * (a pattern with much backtracking, a sort of millions) or of a module:
 * everybody of that worker waits for it. The main thread looks from outside and
 * names the handler, so that somebody can mend it.
 *
 * A loop may stand still outside of any handler. That is our own fault or the
 * machine's, and the log says so, with what the loop was doing. */
#ifndef SERVER_WATCHDOG_H
#define SERVER_WATCHDOG_H

#include "base/buf.h"
#include "net/pulse.h"
#include "script/host.h"

#include <stdbool.h>

struct watchdog {
  uv_timer_t timer;
  struct host *host;         /* borrowed */
  const struct pulse *pulse; /* of the same worker's loop; borrowed */
  uint32_t runs;             /* host->runs when last looked */
  unsigned looks;            /* how often that was the same, and Lua running */
  uint32_t turns;            /* pulse->turns when last looked */
  unsigned still;            /* how often that was the same */
};

/* Starts on `loop`, which is that of the thread that frees generations: so the
 * handler that it reads cannot be freed meanwhile. */
void watchdog_start(struct watchdog *watchdog, uv_loop_t *loop,
                    struct host *host, const struct pulse *pulse);

/* What its timer does, four times a second. */
void watchdog_look(struct watchdog *watchdog);

/* Returns whether the loop has not turned for ten seconds. If so, a line that
 * says it is appended to `text`. */
bool watchdog_is_stuck(const struct watchdog *watchdog, struct buf *text);

/* Returns the handler that has held the loop for a second or more, or NULL. */
const char *watchdog_holder(const struct watchdog *watchdog);

/* Closes the timer. */
void watchdog_stop(struct watchdog *watchdog);

#endif
