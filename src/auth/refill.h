/* SPDX-License-Identifier: MIT
 * Stands between those who meet a key id that nobody knows, and the one who
 * fetches keys. Any thread asks, one thread fetches, and all who wait hear of
 * it.
 *
 * Key ids come from strangers. They cannot make anybody fetch more often than
 * every REFILL_EVERY_MS. */
#ifndef AUTH_REFILL_H
#define AUTH_REFILL_H

#include "base/attr.h"
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { REFILL_EVERY_MS = 10000 };

struct refill;

/* Begins as zero: nothing was waited for yet. */
typedef uint64_t refill_ticket;

enum refill_verdict {
  REFILL_WAIT,  /* keys are being fetched: ears will hear */
  REFILL_LATER, /* not now: after so many milliseconds */
  REFILL_FINAL  /* they have been fetched, and that was all of them */
};

MUST_CHECK struct refill *refill_new(void);

/* Nobody may listen any more. Accepts NULL. */
void refill_free(struct refill *refill);

/* Asks for a key that is missing. `ticket` belongs to whoever asks and
 * remembers what he has waited for; he asks with it again when keys have been
 * fetched. From any thread. */
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

/* For the one who fetches. refill_serve: `wanted` is sent when somebody asks
 * (NULL: nobody fetches any more). refill_begin and refill_end stand around
 * each fetch; refill_begin returns false when a fetch is under way already. */
void refill_serve(struct refill *refill, uv_async_t *wanted);
MUST_CHECK bool refill_begin(struct refill *refill);
void refill_end(struct refill *refill, bool ok);

#endif
