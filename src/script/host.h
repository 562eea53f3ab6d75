/* SPDX-License-Identifier: MIT
 * What the Lua side of one worker may reach. */
#ifndef SCRIPT_HOST_H
#define SCRIPT_HOST_H

#include "base/list.h"
#include "base/stats.h"
#include "net/turn.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

struct config;
struct conn;
struct events;
struct fetcher;
struct generation;
struct handler;
struct jwt_key;
struct lua_State;
struct manager;
struct metrics;
struct store;
struct swap;
struct timings;
struct ticket_queue;

/* Borrowed pointers, all of which outlive every generation. */
struct host {
  /* Opens everything that a new Lua state has: script/open. */
  void (*open_libraries)(struct lua_State *L);
  uv_loop_t *loop;  /* NULL where scripts are only checked */
  struct turn turn; /* of the worker's loop; zeroed until it is open */
  struct manager *manager;
  struct fetcher *fetcher;    /* NULL where scripts are only checked */
  struct ticket_queue *after; /* what waits for events; NULL without them */
  struct events *events;      /* of the process; NULL: nobody hears of any */
  struct stats *stats;
  struct metrics *metrics; /* shared by all workers */
  struct timings *timings; /* likewise; NULL: nobody wants to know */
  /* The configuration that the next generation is built with, and then holds.
   * Only the thread that builds looks here. */
  const struct config *config;
  const struct jwt_key *key;
  struct store *store;         /* of the process: other threads use it, too */
  struct generation *live;     /* its handlers get the next message */
  struct generation *incoming; /* it has client objects, but serves nobody */
  /* Generations (by their `node`) that are replaced, but have calls that wait.
   */
  struct list retiring;
  /* Called when a call of this connection has ended that had waited. */
  void (*conn_idle)(struct conn *conn);
  struct swap *swap; /* of generation_idle */
  /* Called when the last call of a retiring generation has ended: it may go. */
  void (*generation_idle)(struct generation *generation);
  /* Called when a generation's memory is as good as used up, even after a full
   * collection. */
  void (*generation_full)(struct generation *generation);
  /* For a look from another thread: what runs in Lua at the moment (NULL:
   * nothing), and a number that grows whenever that changes. */
  _Atomic(const struct handler *) running;
  _Atomic uint32_t runs;
  bool development; /* clients that are refused may know why */
  int worker;       /* 1, 2, … */
  unsigned errors;  /* counted for the references of log lines */
};

/* Notes what Lua is about to run; NULL: nothing any more. Only the worker's
 * thread calls this. */
static inline void host_running(struct host *host,
                                const struct handler *handler) {
  uint32_t runs = atomic_load_explicit(&host->runs, memory_order_relaxed);
  atomic_store_explicit(&host->running, handler, memory_order_relaxed);
  atomic_store_explicit(&host->runs, runs + 1, memory_order_release);
}

#endif
