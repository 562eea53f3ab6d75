/* SPDX-License-Identifier: MIT
 * Between those who meet a key id that nobody knows, and the one who fetches
 * keys: any thread asks, one fetches, and all who wait hear of it.
 *
 * Key ids come from strangers, so they cannot make anybody fetch more often
 * than every REFILL_EVERY_MS. */
#ifndef AUTH_REFILL_H
#define AUTH_REFILL_H

#include "base/attr.h"
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { REFILL_EVERY_MS = 10000 };

struct refill;

/* Zero at first: nothing was waited for. */
typedef uint64_t refill_ticket;

enum refill_verdict {
  REFILL_WAIT,  /* keys are being fetched: ears will hear */
  REFILL_LATER, /* not now: after so many milliseconds */
  REFILL_FINAL  /* they have been fetched, and that was all of them */
};

MUST_CHECK struct refill *refill_new(void);

/* Accepts NULL. Nobody listens any more. */
void refill_free(struct refill *refill);

/* A key is missing. `ticket` is the asker's own and remembers what it has
 * waited for: ask with it again when keys have been fetched. From any thread.
 */
enum refill_verdict refill_ask(struct refill *refill, refill_ticket *ticket,
                               uint64_t *later_ms);

/* Is sent when keys have been fetched or could not be. */
struct refill_ear {
  struct list node;
  uv_async_t wake;
};

/* Opens a handle on the loop; `heard` is called on its thread, with the handle,
 * whose `data` is `arg`. */
void refill_listen(struct refill *refill, struct refill_ear *ear,
                   uv_loop_t *loop, uv_async_cb heard, void *arg);

/* Closes the handle. */
void refill_stop(struct refill *refill, struct refill_ear *ear);

/* For who fetches: `wanted` (NULL: nobody any more) is sent when somebody asks;
 * begun and ended around each fetch. refill_begin: false when one is under
 * way already and was begun. */
void refill_serve(struct refill *refill, uv_async_t *wanted);
MUST_CHECK bool refill_begin(struct refill *refill);
void refill_end(struct refill *refill, bool ok);

#endif
