/* SPDX-License-Identifier: MIT
 * What came of a run, for people and for programs. */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include "base/buf.h"
#include "load/outcome.h"
#include "load/plan.h"

/* Appends the summary. */
void report_text(const struct plan *plan, const struct outcome *outcome,
                 struct buf *out);

/* Appends one JSON object on one line; docs/benchmarking.md has its keys. */
void report_json(const struct plan *plan, const struct outcome *outcome,
                 struct buf *out);

#endif
