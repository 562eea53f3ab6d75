/* SPDX-License-Identifier: MIT
 * Causes on other machines.
 *
 * A byte for the version, the span, whether it goes to a collector, its trace,
 * and sums of what it is followed by. Whole numbers are as machines of one kind
 * have them; with another order of bytes nothing is followed there. */
#include "trace/far.h"

#include "trace/tracer.h"

#include <string.h>

enum { FAR_VERSION = 1 };

struct far_bytes {
  uint64_t span;
  uint64_t followed[CAUSE_FAR_MAX]; /* 0: none */
  char trace[TRACEPARENT_TRACE];    /* zeros: none */
  uint8_t exported;
  uint8_t version;
  uint8_t spare[6]; /* no byte of it is undefined */
};

/* FNV-1a: it has to be the same on all machines, and nobody gains by another
 * one that fits. */
static uint64_t sum_target(const struct trace_target *target) {
  uint64_t sum = UINT64_C(14695981039346656037) ^ (uint64_t)target->kind;
  for (size_t i = 0; i < target->len; i++)
    sum = (sum ^ (unsigned char)target->text[i]) * UINT64_C(1099511628211);
  return sum ? sum : 1;
}

void far_put(struct buf *out, const struct cause *cause) {
  struct far_bytes bytes = {.version = FAR_VERSION};
  uint32_t traces = cause_traces(cause);
  const struct tracer *tracer = traces ? tracer_here() : NULL;
  size_t count = 0;
  if (!tracer)
    return;
  bytes.span = cause->span;
  bytes.exported = (traces & TRACE_EXPORTED) != 0;
  memcpy(bytes.trace, cause->trace, strlen(cause->trace));
  for (int i = 0; i < TRACES_MAX && count < CAUSE_FAR_MAX; i++)
    if (traces & tracer->places & 1U << i)
      bytes.followed[count++] = sum_target(&tracer->targets[i]);
  buf_put(out, &bytes, sizeof bytes);
}

struct cause *far_read(struct slice text) {
  struct far_bytes bytes;
  char trace[TRACEPARENT_TRACE + 1] = "";
  if (text.len != sizeof bytes)
    return NULL;
  memcpy(&bytes, text.at, sizeof bytes);
  if (bytes.version != FAR_VERSION)
    return NULL;
  memcpy(trace, bytes.trace, TRACEPARENT_TRACE);
  if (strspn(trace, "0123456789abcdef") != strlen(trace))
    return NULL;
  struct cause *cause = cause_new(bytes.span, trace);
  memcpy(cause->far, bytes.followed, sizeof cause->far);
  if (bytes.exported && strlen(trace) == TRACEPARENT_TRACE)
    cause->traces = TRACE_EXPORTED;
  return cause;
}

uint32_t far_match(const struct cause *cause) {
  const struct tracer *tracer = cause && cause->far[0] ? tracer_here() : NULL;
  uint32_t places = 0;
  for (int i = 0; tracer && i < TRACES_MAX; i++)
    for (int j = 0; tracer->places & 1U << i && j < CAUSE_FAR_MAX; j++)
      if (cause->far[j] && cause->far[j] == sum_target(&tracer->targets[i]))
        places |= 1U << i;
  return places;
}
