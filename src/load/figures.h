/* SPDX-License-Identifier: MIT
 * What server and generator use while something is measured. */
#ifndef LOAD_FIGURES_H
#define LOAD_FIGURES_H

#include "base/attr.h"
#include "load/outcome.h"
#include "load/plan.h"

#include <uv.h>

struct figures {
  const struct plan *plan;
  struct outcome *outcome;
  uv_loop_t *loop;
  uint64_t memory;               /* of the server when counting began */
  uint64_t start;                /* uv_hrtime when measuring began */
  uint64_t cpu, own_cpu, waited; /* used up to then */
};

/* The server's memory from now on is that of the connections. 0; or
 * ERR_NOT_FOUND: there is no such process. */
MUST_CHECK int figures_begin(struct figures *figures);

/* outcome->server_bytes is what the server has grown by since. */
void figures_note_memory(struct figures *figures);

/* CPU time counts from here. */
void figures_start(struct figures *figures, uint64_t now);

/* It counted up to here: times and CPU of the outcome are set. */
void figures_end(struct figures *figures, uint64_t now);

#endif
