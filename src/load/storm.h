/* SPDX-License-Identifier: MIT
 * The storm: clients that connect, authenticate, hang up and come again.
 *
 * Closed loop: as many as there are connections do so all the time. Open loop:
 * one of them starts when load/schedule says so. Or each comes once, and stays.
 * What is measured is the time to `auth_ok`: from the start of connecting, or
 * from when it was due. */
#ifndef LOAD_STORM_H
#define LOAD_STORM_H

#include "load/crowd.h"
#include "load/outcome.h"

struct storm {
  struct crowd *crowd;
  struct outcome *outcome;
  bool open_loop;
  bool once; /* they come once, by crowd_open_more, and stay */
  bool going;
  uint64_t from, to; /* what starts in between is measured */
  unsigned turn;     /* where to look for a free client */
};

/* crowd, outcome, open_loop and once are set; from, to are UINT64_MAX. */
void storm_begin(struct storm *storm);

/* Open loop: see schedule_fn. */
bool storm_due(struct storm *storm, uint64_t due);

/* A client has got in: counts it, and hangs up unless it stays. */
void storm_in(struct storm *storm, struct client *client);

/* A client's socket is closed: it comes again. */
void storm_closed(struct storm *storm, struct client *client);

/* From time to time: those that failed try again, and those that hang are
 * given up after `patience_ns`. */
void storm_tick(struct storm *storm, uint64_t now, uint64_t patience_ns);

#endif
