/* SPDX-License-Identifier: MIT
 * The line that shows, on a terminal, how a run is going. */
#ifndef LOAD_PROGRESS_H
#define LOAD_PROGRESS_H

#include "load/hist.h"

#include <stdint.h>

struct progress {
  const char *phase;
  double seconds; /* since the phase began */
  unsigned clients, of;
  uint64_t count; /* deliveries so far */
  const struct hist *latency;
  uint64_t errors;
};

/* Writes the line over the one before, some times a second at most. */
void progress_show(const struct progress *progress, uint64_t now);

void progress_clear(void);

#endif
