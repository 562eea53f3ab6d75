/* SPDX-License-Identifier: MIT
 * Answers to requests that do not get what they ask for.
 *
 * Each is HTTP/1.1 with a status, and has the reason in words as its body. The
 * connection ends with it. */
#ifndef EDGE_REFUSAL_H
#define EDGE_REFUSAL_H

#include "base/buf.h"

#include <stdbool.h>

/* Retry-After while draining: another server takes over, or this one has
 * started again. */
enum { REFUSAL_DRAIN_RETRY_S = 5 };

struct refusal {
  unsigned status;
  const char *text;    /* a line: what is wrong, and what to do */
  const char *type;    /* of the text; NULL: text/plain */
  const char *headers; /* more of them, each with its CR LF; or NULL */
  unsigned retry_s;    /* Retry-After; 0: none */
};

/* Appends the whole answer, without its body if `head` is set. */
void refusal_write(struct buf *out, const struct refusal *refusal, bool head);

#endif
