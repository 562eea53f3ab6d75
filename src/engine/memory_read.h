/* SPDX-License-Identifier: MIT
 * Reading from engine/memory, for that file. */
#ifndef ENGINE_MEMORY_READ_H
#define ENGINE_MEMORY_READ_H

#include "engine/memory_state.h"

/* When common.workers is known. */
void memory_reads_init(struct memory *memory);

/* Forgets what was not answered. */
void memory_reads_free(struct memory *memory);

/* As engine_read, engine_cancel and engine_attach. */
MUST_CHECK struct engine_read *memory_read(struct engine *engine, int worker,
                                           const struct engine_query *query,
                                           engine_read_fn *done, void *arg);
void memory_read_cancel(struct engine_read *read);
void memory_read_attach(struct engine *engine, int worker, struct turn *turn);

#endif
