/* SPDX-License-Identifier: MIT
 * From one generation to the next, on a worker.
 *
 *   swap_prepare(new)  can client.state be copied? else it is not taken
 *   swap_go            when every worker is ready: @stop of the old one, which
 *                      may wait and serves on; then, between two messages,
 *                      client.state is copied, the new one is live, and
 *                      @start(what @stop returned) is called
 *   then               the old one retires: its timers end, calls that wait go
 *                      on, for at most script.drain_s; when none is left it is
 *                      released */
#ifndef SERVER_SWAP_H
#define SERVER_SWAP_H

#include "base/buf.h"
#include "protocol/protocol.h"
#include "script/generation.h"

#include <stdbool.h>

/* Called when a generation is out of use, to free it. Any thread may free it.
 */
typedef void swap_release_fn(void *arg, struct generation *generation);

struct swap {
  struct protocol *protocol;
  bool going;       /* swap_go was called, @stop waits */
  struct buf kept;  /* what @stop returned, as JSON */
  bool starting;    /* @start was called and has not waited yet */
  struct buf wrong; /* what @start raised then */
  uv_timer_t drain; /* for the oldest retiring generation */
  swap_release_fn *release;
  void (*done)(void *arg);  /* the generation of swap_go is live */
  void (*ended)(void *arg); /* of swap_end */
  void *arg;
};

/* Opens a handle on the loop. */
void swap_init(struct swap *swap, struct protocol *protocol,
               swap_release_fn *release, void (*done)(void *arg), void *arg);

/* The first generation goes live. */
void swap_start(struct swap *swap, struct generation *first);

/* Takes the generation in. Copies client.state into it, to see whether that can
 * be done. Returns 0; or ERR_SCRIPT with a line in `error`, and the generation
 * is still the caller's. Only one may be prepared at a time. */
MUST_CHECK int swap_prepare(struct swap *swap, struct generation *generation,
                            struct buf *error);

/* Makes live what was prepared; `done` is called when it is live. If @start has
 * raised an error by then, `wrong` says which. The new generation is live all
 * the same, as the old one was stopped. */
void swap_go(struct swap *swap);

/* Releases what was prepared. */
void swap_cancel(struct swap *swap);

/* The worker ends. Aborts the calls that still wait, says the farewells that
 * are left, and runs @stop. `ended` is called when nothing will enter Lua
 * again. */
void swap_end(struct swap *swap, void (*ended)(void *arg));

/* Closes the handle. Call it after `ended`, or when nothing came after
 * swap_init.
 */
void swap_close(struct swap *swap);

#endif
