/* SPDX-License-Identifier: MIT
 * Says which handler holds a worker's loop in a C function.
 *
 * Lua code is ended by its budget, but a C function of the standard library
 * (a pattern with much backtracking, a sort of millions) or of a module cannot
 * be: everybody of that worker waits for it. The main thread looks from
 * outside, and names it, so that it can be found and mended.
 *
 * A loop that stands still outside of any handler is our own fault, or the
 * machine's: that is said as well, with what it was doing. */
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

/* On the loop of the thread that frees generations: the handler that it reads
 * cannot go meanwhile. */
void watchdog_start(struct watchdog *watchdog, uv_loop_t *loop,
                    struct host *host, const struct pulse *pulse);

/* What its timer does, four times a second. */
void watchdog_look(struct watchdog *watchdog);

/* Whether the loop has not turned for ten seconds; then a line that says so is
 * appended to `text`. */
bool watchdog_is_stuck(const struct watchdog *watchdog, struct buf *text);

/* The handler that has held the loop for a second or more; NULL: none. */
const char *watchdog_holder(const struct watchdog *watchdog);

/* Closes the timer. */
void watchdog_stop(struct watchdog *watchdog);

#endif
