/* SPDX-License-Identifier: MIT
 * All workers of the process.
 *
 * Each worker has its own thread, loop, listening socket, connections and Lua
 * state. What is told here, all workers are told. When there are several, a bus
 * connects them. */
#ifndef SERVER_CREW_H
#define SERVER_CREW_H

#include "server/watchdog.h"
#include "server/worker.h"

struct crew {
  struct worker *workers;
  struct watchdog *watchdogs; /* one for each */
  int count;
  struct desk **desks; /* of the workers, in their order */
  int running;         /* threads whose LETTER_ENDED has not come */
  int *fds;            /* listening sockets that no worker has yet; -1: none */
  struct bus *bus;
  struct engine *engine;     /* of numbered rooms, and of other machines */
  uv_timer_t tick;           /* of the engine; on the main thread */
  struct presence *presence; /* who is in rooms */
  struct trace_board *board; /* of traces; NULL: nobody looks */
  char address[LISTEN_ADDRESS_BYTES]; /* bound; empty: not (yet) */
  char name[128];                     /* of this machine, among others */
};

/* What all workers share; borrowed. */
struct crew_shared {
  const struct config *config;
  const struct jwt_key *key;
  struct metrics *metrics;
  struct timings *timings;
  struct events *events; /* NULL: nobody hears of any */
  struct otlp *otlp;     /* NULL: no collector does */
  struct store *store;
  struct rates *rates;
  struct mailbox *home; /* of the main thread */
};

/* Makes the workers that the option `workers` asks for; opens nothing. */
void crew_init(struct crew *crew, const struct crew_shared *shared);

/* Opens loops, listening sockets and network doors, on the main thread. `bound`
 * gets the address. Returns 0, or ERR_SYSTEM with a line in `error`; crew_free
 * is due in either case. */
MUST_CHECK int crew_open(struct crew *crew, bool development,
                         char bound[LISTEN_ADDRESS_BYTES], struct buf *error);

/* Starts the threads. Each gets, and owns from now on, its generation of
 * crew_build. The watchdogs and the timer of the engine run on `loop`, that of
 * the main thread. */
void crew_start_take(struct crew *crew, struct generation **generations,
                     uv_loop_t *loop);

/* Posts the same letter to each worker. Returns how many still receive letters.
 */
int crew_post(struct crew *crew, enum letter_kind kind);

/* A LETTER_ENDED has come. Returns whether it was the last one; then what runs
 * on the main loop is gone, too. */
bool crew_ended(struct crew *crew);

/* Waits for the threads. Call it when crew_ended has returned true. */
void crew_join(struct crew *crew);

/* Call it after crew_join, or when crew_start_take was never called. */
void crew_free(struct crew *crew);

/* Generations are built with this configuration from now on. Borrowed. */
void crew_configure(struct crew *crew, const struct config *config);

/* Other machines may know which scripts are live: a print of them. */
void crew_show_scripts(struct crew *crew, uint64_t print);

/* Builds a generation for each worker from the bundle. Returns NULL, and none
 * is left, when one cannot be built; `error` says why. */
MUST_CHECK struct generation **crew_build(struct crew *crew,
                                          struct bundle *bundle,
                                          unsigned number, struct buf *error);

/* Offers each worker its generation of crew_build. The workers own them from
 * now on. */
void crew_offer_take(struct crew *crew, struct generation **generations);

/* Takes the offers back: no worker is to make live what it was offered. */
void crew_withdraw(struct crew *crew);

/* Frees what crew_build has made. Accepts NULL. */
void crew_free_generations(const struct crew *crew,
                           struct generation **generations);

#endif
