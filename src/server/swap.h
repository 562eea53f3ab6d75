/* SPDX-License-Identifier: MIT
 * From one generation to the next, on a worker.
 *
 *   swap_to(new) ── client.state can be copied? ── no ──► new is released
 *                       │ yes
 *                    @stop of the old one, which may wait; it serves on
 *                       │
 *        between two messages: client.state is copied, the new one is live,
 *        @start(what @stop returned)
 *                       │
 *        the old one retires: its timers end, calls that wait go on, for at
 *        most script.drain_s; when none is left it is released */
#ifndef SERVER_SWAP_H
#define SERVER_SWAP_H

#include "base/buf.h"
#include "protocol/protocol.h"
#include "script/generation.h"

#include <stdbool.h>

/* The generation is out of use: free it. It may be freed on another thread. */
typedef void swap_release_fn(void *arg, struct generation *generation);

/* How swap_to went: `error` is NULL, or why the live one stays. Whoever is
 * told writes the log line. */
typedef void swap_done_fn(void *arg, const struct generation *generation,
                          const char *error);

struct swap {
  struct protocol *protocol;
  struct generation *incoming; /* while @stop waits; NULL: none */
  struct buf kept;             /* what @stop returned, as JSON */
  uv_timer_t drain;            /* for the oldest retiring generation */
  swap_release_fn *release;
  swap_done_fn *done;
  void (*ended)(void *arg); /* of swap_end */
  void *arg;
};

/* Opens a handle on the loop. */
void swap_init(struct swap *swap, struct protocol *protocol,
               swap_release_fn *release, swap_done_fn *done, void *arg);

/* The first generation goes live. */
void swap_start(struct swap *swap, struct generation *first);

/* `generation` is the swap's from now on. One at a time: while another waits
 * for @stop, this one is refused. */
void swap_to(struct swap *swap, struct generation *generation);

/* The worker ends: aborts what still waits, says the farewells that are left,
 * runs @stop; `ended` is called when nothing is going to enter Lua again. */
void swap_end(struct swap *swap, void (*ended)(void *arg));

/* Closes the handle. After swap_end, or swap_init alone. */
void swap_close(struct swap *swap);

#endif
