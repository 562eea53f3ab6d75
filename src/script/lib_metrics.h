/* SPDX-License-Identifier: MIT
 * perigee.metrics: figures of scripts for GET /metrics. */
#ifndef SCRIPT_LIB_METRICS_H
#define SCRIPT_LIB_METRICS_H

#include <lua.h>

/* Adds the sub-table `metrics` to the table on top of the stack. */
void lib_metrics_open(lua_State *L);

#endif
