/* SPDX-License-Identifier: MIT
 * Figures that scripts keep about their own business, for GET /metrics.
 *
 * There is one registry for the process, behind a lock. It survives reloads,
 * every worker adds to the same series, and the admin address reads it without
 * asking a worker. A family is a name with a kind; a series is a family with
 * one set of labels. Labels often come from what clients send. So the number of
 * series is bounded: a new one past METRICS_SERIES_MAX is dropped. */
#ifndef ENGINE_METRICS_H
#define ENGINE_METRICS_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>

enum {
  METRICS_SERIES_MAX = 1000,
  METRICS_NAME_BYTES = 128,
  METRICS_LABELS_MAX = 8,
  METRICS_LABELS_BYTES = 512, /* of all labels of a series, as they print */
};

enum metrics_kind {
  METRICS_COUNTER,   /* the value is added */
  METRICS_GAUGE,     /* the value is the new one */
  METRICS_HISTOGRAM, /* the value is counted in its bucket */
};

struct metrics;

/* UTF-8, which need not end with a zero; borrowed. */
struct metrics_label {
  const char *name; /* one that metrics_label_ok accepts */
  const char *value;
  size_t len;
};

MUST_CHECK struct metrics *metrics_new(void);

/* Accepts NULL. */
void metrics_free(struct metrics *metrics);

/* Whether this may be a script's metric: the form that Prometheus asks for,
 * at most METRICS_NAME_BYTES, not beginning with "perigee_" or "process_",
 * which are ours. */
bool metrics_name_ok(const char *name);

/* Whether this may be a label: the form that Prometheus asks for, and not
 * "le", which is how histograms name their buckets. */
bool metrics_label_ok(const char *name);

/* Writes the labels as `a="x",b="y"`, sorted by name, so that the same labels
 * are the same text; sorts `labels`. ERR_TOO_LARGE if they do not fit. */
MUST_CHECK int metrics_labels(struct metrics_label *labels, size_t count,
                              char out[METRICS_LABELS_BYTES]);

/* Notes a finite value in the series. `labels` is a text of metrics_labels, or
 * "". By any thread. Returns 0; ERR_BAD_REQUEST when the name has another kind
 * already; or ERR_FULL when there are too many series. Then the value is
 * dropped, and the log says so the first time. */
MUST_CHECK int metrics_note(struct metrics *metrics, enum metrics_kind kind,
                            const char *name, const char *labels, double value);

/* Appends all series in the text format of Prometheus. By any thread. */
void metrics_print(struct metrics *metrics, struct buf *out);

#endif
