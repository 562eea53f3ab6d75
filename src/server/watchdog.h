/* SPDX-License-Identifier: MIT
 * Says which handler holds a worker's loop in a C function.
 *
 * Lua code is ended by its budget, but a C function of the standard library
 * (a pattern with much backtracking, a sort of millions) or of a module cannot
 * be: everybody of that worker waits for it. The main thread looks from
 * outside, and names it, so that it can be found and mended. */
#ifndef SERVER_WATCHDOG_H
#define SERVER_WATCHDOG_H

#include "script/host.h"

struct watchdog {
  uv_timer_t timer;
  struct host *host; /* borrowed */
  uint32_t runs;     /* host->runs when last looked */
  unsigned looks;    /* how often that was the same, and Lua running */
};

/* On the loop of the thread that frees generations: the handler that it reads
 * cannot go meanwhile. */
void watchdog_start(struct watchdog *watchdog, uv_loop_t *loop,
                    struct host *host);

/* The handler that has held the loop for a second or more; NULL: none. */
const char *watchdog_holder(const struct watchdog *watchdog);

/* Closes the timer. */
void watchdog_stop(struct watchdog *watchdog);

#endif
