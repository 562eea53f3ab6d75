/* SPDX-License-Identifier: MIT
 * From configuration and scripts directory to the live generation, and what
 * came of it.
 *
 * All on the main thread: it reads the configuration again, builds a generation
 * for each worker, offers them, and waits until every worker has said that
 * nothing is in the way. Then they all make theirs live; or none does. A worker
 * that a script holds in a C function says nothing: after some seconds the
 * reload is given up. From the moment at which all have agreed it is not: they
 * make it live, sooner or later. While one reload is under way others wait, and
 * then all of them are served by one more: it reads what the folder has by
 * then. */
#ifndef SERVER_RELOAD_H
#define SERVER_RELOAD_H

#include "config/renewal.h"
#include "server/crew.h"
#include "server/keys.h"
#include "server/manifest.h"

/* Reads the directory once and builds a generation for the host, to see
 * whether it can be; NULL with the reason in `error`. `manifest` (may be NULL)
 * is the caller's to free. */
MUST_CHECK struct generation *reload_build(struct host *host, const char *dir,
                                           unsigned number,
                                           struct manifest **manifest,
                                           struct buf *error);

/* Borrowed until the function that was given it returns. */
struct reload_outcome {
  enum {
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
  unsigned built;                 /* generations so far, failed ones included */
  unsigned number;                /* of the one that is live */
  unsigned failed;                /* reloads, checks aside */
  struct manifest *live, *next;   /* next: of the one that was sent */
  unsigned next_number;
  struct buf wrong;    /* what @start has raised in a worker; empty: nothing */
  uint64_t started_ns; /* of uv_hrtime: the reload that is under way */
  uint64_t rebuilt_ns; /* when reload_rebuild last did; 0: never */
  int awaited;         /* answers of workers; 0: no reload is under way */
  unsigned *heard;     /* by worker: the generation it answered for last */
  uv_timer_t patience; /* runs until all have said whether they can */
  int seconds;         /* of it that are over */
  bool stopped;
  struct list served, waiting; /* asks: for this reload, for the one after */
};

/* Opens a handle on the loop, the main thread's. `config` is what `args` says
 * so far; the reloader holds it. */
void reload_init(struct reloader *reloader, const struct config_args *args,
                 const struct config *config, struct crew *crew,
                 uv_loop_t *loop);

/* The first generations, for crew_start_take; NULL with the reason in
 * `error`. */
MUST_CHECK struct generation **reload_first(struct reloader *reloader,
                                            struct buf *error);

/* Reads the configuration, its key files and the scripts again, and has the TLS
 * certificate read again, whatever comes of the rest; `check`: builds only.
 * `done` (may be NULL) is called once, perhaps at once. What came of a reload
 * is logged; a check is not. */
void reload_ask(struct reloader *reloader, bool check, reload_done_fn *done,
                void *arg);

/* LETTER_READY, LETTER_REFUSED or LETTER_SWAPPED has come; about a reload that
 * was given up, perhaps: then nothing happens. */
void reload_answered(struct reloader *reloader, const struct letter *letter);

/* A state whose memory is used up serves nobody: the same scripts, from the
 * same sources, start again in a new one; not more often than every so many
 * seconds, and not while a reload is under way, which does as well. */
void reload_rebuild(struct reloader *reloader, const struct generation *full);

/* The server is ending: nothing is loaded any more. */
void reload_stop(struct reloader *reloader);

/* When the workers have ended: tells those who still wait, closes the handle,
 * and frees. */
void reload_free(struct reloader *reloader);

#endif
