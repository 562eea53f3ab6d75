/* SPDX-License-Identifier: MIT
 * What a request is answered that does not get what it asks for.
 *
 * Each answer is HTTP/1.1 with a status, a reason in words as its body, and
 * the end of the connection; nobody is hung up on without a word. */
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
  const char *headers; /* more of them, each with its CR LF; or NULL */
  unsigned retry_s;    /* Retry-After; 0: none */
};

/* Appends the whole answer; without its body to a HEAD request. */
void refusal_write(struct buf *out, const struct refusal *refusal, bool head);

#endif
