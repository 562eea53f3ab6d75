/* SPDX-License-Identifier: MIT
 * The field of W3C Trace Context. */
#include "wire/traceparent.h"

#include <stdio.h>
#include <string.h>

/* VERSION-TRACE-SPAN-FLAGS */
enum { TRACE_AT = 3, SPAN_AT = 36, FLAGS_AT = 53 };

static bool are_digits(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (!text[i] || !strchr("0123456789abcdef", text[i]))
      return false;
  return true;
}

static bool are_zero(const char *text, size_t len) {
  return strspn(text, "0") >= len;
}

static bool has_traceparent_form(struct slice text) {
  const char *at = text.at;
  if (text.len < TRACEPARENT_BYTES || !are_digits(at, 2) ||
      !strncmp(at, "ff", 2))
    return false;
  if (text.len > TRACEPARENT_BYTES &&
      (!strncmp(at, "00", 2) || at[TRACEPARENT_BYTES] != '-'))
    return false;
  return at[TRACE_AT - 1] == '-' && at[SPAN_AT - 1] == '-' &&
         at[FLAGS_AT - 1] == '-' &&
         are_digits(at + TRACE_AT, TRACEPARENT_TRACE) &&
         are_digits(at + SPAN_AT, TRACEPARENT_SPAN) &&
         are_digits(at + FLAGS_AT, 2);
}

bool traceparent_read(struct slice text, struct traceparent *out) {
  *out = (struct traceparent){0};
  if (!has_traceparent_form(text) ||
      are_zero(text.at + TRACE_AT, TRACEPARENT_TRACE) ||
      are_zero(text.at + SPAN_AT, TRACEPARENT_SPAN))
    return false;
  memcpy(out->trace, text.at + TRACE_AT, TRACEPARENT_TRACE);
  memcpy(out->span, text.at + SPAN_AT, TRACEPARENT_SPAN);
  memcpy(out->flags, text.at + FLAGS_AT, 2);
  return true;
}

void traceparent_write(const struct traceparent *parent, uint64_t span,
                       char out[TRACEPARENT_BYTES + 1]) {
  snprintf(out, TRACEPARENT_BYTES + 1, "00-%s-%016llx-%s", parent->trace,
           (unsigned long long)span, parent->flags);
}
