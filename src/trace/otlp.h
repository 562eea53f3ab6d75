/* SPDX-License-Identifier: MIT
 * Spans on their way to a collector (OTLP over HTTP).
 *
 *   any thread ─► batches that wait, bounded ─► one request at a time
 *
 * Where the collector is slow, or away, the oldest batch is dropped for the
 * newest span, and counted: nobody ever waits for it. */
#ifndef TRACE_OTLP_H
#define TRACE_OTLP_H

#include "base/attr.h"
#include "base/buf.h"
#include "config/config.h"
#include "trace/otlp_json.h"

#include <stdbool.h>
#include <uv.h>

enum {
  OTLP_BATCH_SPANS = 512, /* in one request at most */
  OTLP_BATCH_BYTES = 1 << 20,
  OTLP_QUEUE_BYTES = 8 << 20, /* of all that waits */
  OTLP_DELIVERIES = 128       /* of one message, that are told */
};

struct otlp;

/* Whether anything is to be sent. */
static inline bool otlp_is_wanted(const struct config *config) {
  return *config->trace_otlp != '\0';
}

/* The configuration gets a holder. */
MUST_CHECK struct otlp *otlp_new(const struct config *config);

/* Sends from now on, on this loop. The texts are copied. */
void otlp_start(struct otlp *otlp, uv_loop_t *loop,
                const struct otlp_resource *resource);

/* A span of otlp_put_span, to be sent soon. By any thread, before otlp_end. */
void otlp_add(struct otlp *otlp, const struct buf *span);

/* One that there was no room for was not even written. By any thread. */
void otlp_leave_out(struct otlp *otlp);

/* No more come: sends the rest, for a few seconds while the collector takes it,
 * and closes its handles. On the loop's thread; nothing before otlp_start. */
void otlp_end(struct otlp *otlp);

/* When the loop has ended. Accepts NULL. */
void otlp_free(struct otlp *otlp);

/* Appends the figures, in the text format of Prometheus. By any thread. */
void otlp_print(struct otlp *otlp, struct buf *out);

#endif
