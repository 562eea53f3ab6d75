/* SPDX-License-Identifier: MIT
 * One thread that serves: its loop, its network door, its connections and its
 * generation of scripts. It shares nothing but letters. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "api/desk.h"
#include "edge/edge.h"
#include "edge/listen.h"
#include "net/mailbox.h"
#include "script/generation.h"
#include "server/drain.h"
#include "server/snapshot.h"
#include "server/swap.h"
#include "trace/board.h"

#include <stdbool.h>

/* What the main thread and a worker write to each other.
 *
 * A worker answers a SWAP with READY or REFUSED, unless the offer was withdrawn
 * before the letter was received. When all workers are ready they get GO, else
 * CANCEL. They answer a GO with SWAPPED, and a STATS with STATS. */
enum letter_kind {
  LETTER_SWAP,    /* to the worker: prepare to make what is offered live */
  LETTER_GO,      /* to the worker: make it live */
  LETTER_CANCEL,  /* to the worker: give it back */
  LETTER_STOP,    /* to the worker: drain and end */
  LETTER_STATS,   /* to the worker: send `snapshot`; from it: here it is */
  LETTER_COLLECT, /* to the worker: free the garbage of its scripts */
  LETTER_TLS,     /* to the worker: read the certificate again */
  LETTER_READY,   /* from the worker: nothing is in the way */
  LETTER_SWAPPED, /* from the worker: it is live */
  LETTER_REFUSED, /* from the worker: it cannot be, for this reason */
  LETTER_FULL,    /* from the worker: the memory of `generation` is used up */
  LETTER_FREE,    /* from the worker: free `generation`, it is out of use */
  LETTER_ENDED,   /* from the worker: its thread is about to return */
};

struct letter {
  struct list node;
  enum letter_kind kind;
  int worker;                    /* who wrote it; 0: the main thread */
  struct generation *generation; /* of FULL and FREE */
  unsigned number;               /* of SWAP and its answers: the generation's */
  struct buf text;               /* of REFUSED: why */
  struct snapshot snapshot;      /* of STATS from the worker */
};

struct worker {
  uv_loop_t loop;
  uv_thread_t thread;
  struct mailbox mailbox;
  struct mailbox *home; /* of the main thread, borrowed */
  struct bus *bus;      /* borrowed; set by who made it, before worker_open */
  struct trace_board *board; /* borrowed, as the bus is; NULL: no traces */
  struct protocol protocol;
  struct edge edge;
  struct listener listener;
  struct desk desk;          /* for the HTTP API; not open without it */
  struct ticket_queue after; /* what waits for events */
  struct drain drain;
  struct swap swap;
  uv_mutex_t offer_lock;
  struct generation *offered; /* under the lock: not taken in yet; NULL: none */
  bool open;                  /* loop, mailbox and edge are there */
  bool stopping;
};

/* Makes the state of worker `index` (0, 1, …), and opens nothing. The caller
 * then puts what it shares with others into its protocol. After that
 * generations for its host may be built. */
void worker_init(struct worker *worker, int index, const struct config *config,
                 const struct jwt_key *key, struct mailbox *home);

/* Opens its loop and its network door, on the main thread. ERR_SYSTEM with a
 * line in `error` on failure. */
MUST_CHECK int worker_open(struct worker *worker, bool development,
                           struct buf *error);

/* Starts the thread, which serves `listen_fd` with the generation; both are
 * the worker's from now on. */
void worker_start_take(struct worker *worker, int listen_fd,
                       struct generation *generation);

/* Posts a letter of that kind to the worker, from the main thread. Returns
 * false when the worker receives no more letters. */
MUST_CHECK bool worker_post(struct worker *worker, enum letter_kind kind);

/* Asks the worker with a LETTER_SWAP whether the generation can be live. The
 * worker owns it from now on. The next offer may come after worker_withdraw or
 * LETTER_GO. */
void worker_offer_take(struct worker *worker, struct generation *generation);

/* Takes the offer back. A generation that the worker has not taken in is freed
 * at once, however long the worker receives no letter. Else it gets
 * LETTER_CANCEL.
 */
void worker_withdraw(struct worker *worker);

/* Frees a letter that was received, but not its generation. */
void letter_free(struct letter *letter);

/* Waits for the thread. Call it when LETTER_ENDED has come. */
void worker_join(struct worker *worker);

/* Call it after worker_join, or when worker_start_take was never called. */
void worker_free(struct worker *worker);

#endif
