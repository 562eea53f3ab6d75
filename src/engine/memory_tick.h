/* SPDX-License-Identifier: MIT
 * Rules and time of engine/memory, for that file. */
#ifndef ENGINE_MEMORY_TICK_H
#define ENGINE_MEMORY_TICK_H

#include "engine/memory_state.h"

/* As engine_set_rules, engine_hold_rules and engine_tick. */
void memory_set_rules(struct engine *engine, struct rules *rules);
MUST_CHECK struct rules *memory_hold_rules(struct engine *engine);
void memory_tick(struct engine *engine);

#endif
