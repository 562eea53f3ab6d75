/* SPDX-License-Identifier: MIT
 * The phases of a run, which follow each other: who may come next, and when.
 *
 *   connecting   until all are in; first those that are not counted
 *   trying       one message that wants an answer
 *   warming up   traffic that is not measured
 *   measuring    for the duration; with `once`, until all are in
 *   waiting      for what is still under way
 *
 * What is measured is what was due between two times; messages of that time
 * that arrive later count as well, for else the slowest ones would be left
 * out. */
#ifndef LOAD_PHASE_H
#define LOAD_PHASE_H

#include "load/crowd.h"
#include "load/figures.h"
#include "load/schedule.h"
#include "load/storm.h"
#include "load/traffic.h"

enum phase { CONNECTING, PROBING, WARMUP, MEASURING, DRAINING, DONE };

/* A run; load/load makes it. */
struct load {
  const struct plan *plan;
  struct script *script;
  struct outcome *outcome;
  enum phase phase;
  uint64_t since;       /* when the phase began */
  uint64_t moved;       /* when somebody got in or out last */
  unsigned moved_count; /* how many had then */
  unsigned ticks;
  uv_loop_t loop;
  uv_timer_t tick;
  uv_timer_t end;  /* of the phase, to the millisecond */
  uv_check_t turn; /* of the loop: others may come */
  uv_signal_t signals[2];
  struct figures figures;
  struct crowd crowd;
  struct traffic traffic;
  struct storm storm;
  struct schedule schedule;
};

/* The first phase. */
void phase_begin(struct load *load);

/* Goes on if the phase is over, and writes what is to be sent. To be called
 * from time to time, and when something has happened that may end a phase.
 * The loop is stopped when all is done. */
void phase_advance(struct load *load);

/* Nothing more is sent; what was measured up to now counts, and so does what
 * is under way. The phase is MEASURING. */
void phase_drain(struct load *load);

/* The end, at once. What was measured up to now counts. `why` is for the
 * outcome, unless it has a reason already. */
void phase_stop(struct load *load, const char *why);

/* What is due between these times is measured. */
void phase_set_window(struct load *load, uint64_t from, uint64_t to);

/* For people. */
const char *phase_name(enum phase phase);

#endif
