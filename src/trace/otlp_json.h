/* SPDX-License-Identifier: MIT
 * Spans as OpenTelemetry's protocol writes them in JSON (OTLP 1.x): ids in hex,
 * numbers of 64 bits as texts, everything else as protobuf's JSON has it. */
#ifndef TRACE_OTLP_JSON_H
#define TRACE_OTLP_JSON_H

#include "base/buf.h"
#include "wire/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum otlp_kind { OTLP_INTERNAL = 1, OTLP_SERVER = 2, OTLP_PRODUCER = 4 };

struct otlp_span {
  const char *trace;  /* 32 digits */
  uint64_t number;    /* of the span, which is its id */
  const char *parent; /* 16 digits; empty: it is the first */
  bool remote;        /* the parent is of another process */
  enum otlp_kind kind;
  const char *word;  /* its name: this, if it is not empty, and `type` */
  struct slice type; /* UTF-8 */
  uint64_t begin_ns, end_ns; /* of uv_hrtime */
  struct slice attributes;   /* of otlp_put_…, each behind its comma */
  struct slice events;       /* of otlp_event_…, in the same way */
  unsigned lost_events;      /* that were too many */
  const char *error;         /* NULL: it has not failed */
};

/* Appends the span, an object. */
void otlp_put_span(struct buf *out, const struct otlp_span *span);

/* Append a comma and an attribute. The text is UTF-8, and nothing is appended
 * where it is empty; with `quoted` it stands in JSON already. */
void otlp_put_text(struct buf *out, const char *key, struct slice text);
void otlp_put_quoted(struct buf *out, const char *key, struct slice quoted);
void otlp_put_string(struct buf *out, const char *key, const char *text);
void otlp_put_int(struct buf *out, const char *key, uint64_t value);
void otlp_put_ms(struct buf *out, const char *key, uint64_t ns);

/* Begins and ends an event of this moment, behind a comma; between the two come
 * its attributes, the first of which is `key`. */
void otlp_event_begin(struct buf *out, const char *name, const char *key,
                      const char *value);
void otlp_event_end(struct buf *out);

/* What stands before the spans of a request, and behind them. */
struct otlp_resource {
  const char *service, *instance, *host;
};

void otlp_put_head(struct buf *out, const struct otlp_resource *resource);
void otlp_put_tail(struct buf *out);

/* How many spans the answer of a collector says it has not taken, and why: the
 * text is in the answer, as it stands in JSON. 0: it has taken all. */
uint64_t otlp_read_rejected(struct slice answer, struct slice *why);

#endif
