/* SPDX-License-Identifier: MIT
 * A run from its beginning to its end: connect, try, warm up, measure, wait
 * for the rest, hang up. One loop, one thread. */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include "load/outcome.h"
#include "load/plan.h"
#include "load/script.h"

/* Does what the plan says; `script` is that of PLAN_SCRIPT, else NULL. SIGINT
 * and SIGTERM end it early. Returns 0, also when there were errors; or
 * ERR_SYSTEM when nothing could be measured. outcome->why says the reason of
 * that, and of an early end. `outcome` is zeroed by the caller. */
MUST_CHECK int load_run(const struct plan *plan, struct script *script,
                        struct outcome *outcome);

#endif
