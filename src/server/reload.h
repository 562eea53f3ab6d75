/* SPDX-License-Identifier: MIT
 * From the configuration and the scripts folder to the live generation, and
 * what came of it.
 *
 * All of it happens on the main thread. It reads the configuration again,
 * builds a generation for each worker, offers them, and waits until every
 * worker has said that nothing is in the way. Then all workers make theirs
 * live, or none does. A worker that a script holds in a C function says
 * nothing: after some seconds the reload is given up. Once all have agreed it
 * is given up no more: each makes it live, sooner or later. Whoever asks while
 * a reload is under way waits. One more reload then serves all who wait; it
 * reads what the folder has by then. */
#ifndef SERVER_RELOAD_H
#define SERVER_RELOAD_H

#include "api/api.h"
#include "config/renewal.h"
#include "server/crew.h"
#include "server/keys.h"
#include "server/manifest.h"

/* Borrowed until the function that was given it returns. */
struct reload_outcome {
  enum reload_verdict {
    RELOAD_OK,      /* live; or good, if it was a check */
    RELOAD_FAILED,  /* the scripts are not valid, or a worker refused; or they
                     * are live, and @start has raised */
    RELOAD_LATE,    /* a worker did not answer in time */
    RELOAD_STOPPED, /* the server is ending */
  } verdict;
  const struct buf *json; /* for the answer, see docs/operations.md */
};

typedef void reload_done_fn(void *arg, const struct reload_outcome *outcome);

struct reloader {
  const struct config_args *args; /* where it is read from; borrowed */
  const struct config *config;    /* that is live */
  struct renewal renewal;         /* of the reload that is under way */
  struct crew *crew;              /* borrowed */
  struct keys *keys;              /* borrowed */
  struct api *api;                /* borrowed; NULL: there is none */
  unsigned built;                 /* generations so far, failed ones included */
  unsigned number;                /* of the one that is live */
  unsigned failed;                /* reloads, checks aside */
  struct manifest *live, *next;   /* next: of the one that was sent */
  unsigned next_number;
  struct buf wrong;    /* what @start has raised in a worker; empty: nothing */
  uint64_t started_ns; /* of uv_hrtime: the reload that is under way */
  uint64_t rebuilt_ns; /* when reload_rebuild last did; 0: never */
  int awaited;         /* answers of workers; 0: no reload is under way */
  bool held;           /* all have agreed, and it waits for reload_decide */
  unsigned *heard;     /* by worker: the generation it answered for last */
  uv_timer_t patience; /* runs until all have said whether they can */
  int seconds;         /* of it that are over */
  bool stopped;
  struct list served, waiting; /* asks: for this reload, for the one after */
};

/* Opens a handle on the loop of the main thread. `config` is what `args` says
 * so far, and the reloader becomes a holder of it. */
void reload_init(struct reloader *reloader, const struct config_args *args,
                 const struct config *config, struct crew *crew,
                 uv_loop_t *loop);

/* Builds the first generations, for crew_start_take. Returns NULL with the
 * reason in `error` when they cannot be built. */
MUST_CHECK struct generation **reload_first(struct reloader *reloader,
                                            struct buf *error);

/* Asks for a reload: of the configuration, its key files and the scripts. The
 * TLS certificate is read again as well, whatever comes of the rest. With
 * `check` generations are only built. `done` (may be NULL) is called once,
 * perhaps at once. The log says what came of a reload, and nothing about a
 * check. */
void reload_ask(struct reloader *reloader, bool check, reload_done_fn *done,
                void *arg);

/* Asks for a reload that waits for a word, once all workers have agreed:
 * `ready` is called then, and reload_decide goes on. Until then the old scripts
 * serve, and who else asks for a reload waits. `done` is called once, as that
 * of reload_ask; without `ready` before it, when it cannot be. For one at a
 * time.
 */
void reload_prepare(struct reloader *reloader, reload_done_fn *ready,
                    reload_done_fn *done, void *arg);

/* All go live with it; or nothing changes, for a reason (a line). Nothing
 * happens when none is held. */
void reload_decide(struct reloader *reloader, bool go, const char *why);

/* A LETTER_READY, LETTER_REFUSED or LETTER_SWAPPED has come. Nothing happens
 * when it is about a reload that was given up. */
void reload_answered(struct reloader *reloader, const struct letter *letter);

/* The memory of a Lua state is used up, and it serves nobody any more. So the
 * same scripts, from the same sources, start again in new states. That happens
 * every ten seconds at most, and not while a reload is under way, which helps
 * as well. */
void reload_rebuild(struct reloader *reloader, const struct generation *full);

/* The server is ending: there are no reloads any more. */
void reload_stop(struct reloader *reloader);

/* Call it when the workers have ended. Tells those who still wait, closes the
 * handle, and frees. */
void reload_free(struct reloader *reloader);

#endif
