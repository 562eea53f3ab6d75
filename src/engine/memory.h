/* SPDX-License-Identifier: MIT
 * An engine that keeps the messages of rooms in this process. */
#ifndef ENGINE_MEMORY_H
#define ENGINE_MEMORY_H

#include "engine/bus.h"
#include "engine/engine.h"

/* An engine for so many workers, whose letters go over the bus (borrowed; it
 * has a port for each of them). All histories together may need `max_bytes`;
 * past that, those of the rooms that were not used for the longest time are
 * lost. */
MUST_CHECK struct engine *memory_new(struct bus *bus, int workers,
                                     size_t max_bytes);

#endif
