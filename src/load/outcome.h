/* SPDX-License-Identifier: MIT
 * What came of a run: counted by load/load, told by load/report. */
#ifndef LOAD_OUTCOME_H
#define LOAD_OUTCOME_H

#include "load/hist.h"
#include "load/tally.h"

#include <stdbool.h>
#include <stdint.h>

enum { OUTCOME_WHY_BYTES = 512 };

struct outcome {
  /* Of the messages that were due while measuring, wherever they arrived:
   * sent + behind were due, and expected = delivered + lost. */
  uint64_t sent;      /* with storm: connections opened */
  uint64_t expected;  /* deliveries that these should cause */
  uint64_t delivered; /* those that came */
  uint64_t behind;    /* open loop: due, but the generator did not get to it */
  struct hist latency;
  struct tally errors; /* of the whole run */

  uint64_t arrived; /* deliveries between start and end of measuring */
  uint64_t pushed;  /* other messages in that time */
  double measured_s;

  unsigned connected;
  double connecting_s;

  double generator_cores; /* CPU time by wall time, while measuring */
  double generator_busy;  /* part of that time in which its loop did not wait */
  bool knows_server;      /* what follows is known */
  double server_cpu_s;    /* while measuring */
  double server_bytes;    /* more than before, with all connections there */

  bool interrupted;
  char why[OUTCOME_WHY_BYTES]; /* why it ended early; empty: it did not */
};

#endif
