/* SPDX-License-Identifier: MIT
 * Reloads of all machines: all load, or none does.
 *
 *   the machine that is asked (accord_lead)      each machine, itself too
 *   who is there?
 *   CALL ───────────────────────────────────► reload_prepare: builds, its
 *        ◄─────────────────────────────── VOTE   workers agree, and it waits
 *   all have voted, or some have not in time
 *   decides: go, or no and why ─── Redis ────► reload_decide
 *        ◄──────────────────────────── OUTCOME
 *   answers what each has said
 *
 * What is decided stands in Redis (cluster_decide): what was proposed first. A
 * machine that waits for too long proposes that nothing is loaded, and so
 * learns what was decided; for only the machine that was asked proposes that
 * it is. So all load, or none, also when one of them dies, or is cut off, in
 * the middle. Only a machine that does not reach Redis for a minute gives up
 * by itself, and says so.
 *
 * With `check` there is a CALL, and there are VOTEs. All is on the main thread;
 * notices come from the cluster's by a mailbox. */
#ifndef SERVER_ACCORD_H
#define SERVER_ACCORD_H

#include "edge/admin.h"
#include "engine/engine.h"
#include "net/mailbox.h"
#include "server/reload.h"

/* Kinds of notices. */
enum accord_notice {
  ACCORD_CALL = 'C',    /* "load" or "check" */
  ACCORD_VOTE = 'V',    /* '1' or '0': whether it can; or '-': it is part of
                         * another one; then an answer, JSON */
  ACCORD_DECIDED = 'D', /* "go", or "no" and the reason */
  ACCORD_OUTCOME = 'O'  /* as VOTE: whether it has loaded */
};

/* A notice on its way to the main thread; or the list of machines. */
struct accord_letter {
  struct list node;
  char kind; /* 0: `text` is that list, JSON; empty: Redis is not there */
  uint64_t from, about;
  char *name;
  struct buf text;
};

/* A machine, as the one that was asked sees it. */
struct voter {
  uint64_t id;
  int64_t started_s;
  char *name;
  bool voted, ended; /* VOTE, OUTCOME have come */
  bool agrees, good; /* what they said */
  bool busy;         /* it does not agree, as it is part of another one */
  struct buf answer; /* JSON, of the last of them */
};

struct accord {
  struct engine *engine; /* borrowed; NULL: it is not shared */
  struct reloader *reloader;
  struct mailbox letters;
  uv_timer_t clock; /* each second while something is under way */
  bool open;

  /* As one of all. */
  enum { PART_IDLE, PART_BUILDING, PART_HELD, PART_LOADING } part;
  uint64_t about, leader;
  char *leader_name;
  int part_s;    /* seconds for which it is held */
  char *decided; /* while it was still building; NULL: nothing */

  /* As the one that was asked. */
  enum accord_lead {
    LEAD_IDLE,
    LEAD_LISTING,
    LEAD_VOTING,
    LEAD_DECIDING,
    LEAD_LOADING
  } lead;
  struct admin_request *request;
  bool check;
  uint64_t led, calls; /* its number; how many there were */
  int lead_s;          /* seconds of this state */
  struct voter *voters;
  size_t voter_count;
  struct buf proposal;
};

void accord_open(struct accord *accord, struct engine *engine,
                 struct reloader *reloader, uv_loop_t *loop);

/* Answers who waits, and closes the handles. */
void accord_close(struct accord *accord);

/* Call it when the engine has ended. */
void accord_free(struct accord *accord);

/* Asks all machines to load, or (`check`) only to look whether they could. */
void accord_ask(struct accord *accord, bool check,
                struct admin_request *request);

/* --- for its two files -----------------------------------------------------
 */

/* A letter for the one that was asked: list, VOTE, DECIDED, OUTCOME. */
void accord_lead_letter(struct accord *accord, struct accord_letter *letter);

/* A second is over. */
void accord_lead_second(struct accord *accord);

/* The server is ending. */
void accord_lead_close(struct accord *accord);

void accord_post_take(struct accord *accord, struct accord_letter *letter);

/* Something is under way: the clock runs. */
void accord_wake(struct accord *accord);

#endif
