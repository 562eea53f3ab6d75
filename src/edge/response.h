/* SPDX-License-Identifier: MIT
 * Answers of plain HTTP: a whole body in memory, written at once. */
#ifndef EDGE_RESPONSE_H
#define EDGE_RESPONSE_H

#include "base/attr.h"

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>

struct response {
  unsigned status;
  const char *type; /* NULL: text/plain */
  const char *body;
  size_t len;
  const char *reader; /* origin of a page that may read it, or NULL */
  unsigned retry_s;   /* Retry-After; 0: none */
  bool head; /* headers only; also when the library still has a HEAD request */
};

/* A zero-terminated text/plain, borrowed. */
struct response response_text(unsigned status, const char *body);

/* Writes headers and body. Returns 0, or -1 when the connection is broken. */
MUST_CHECK int response_write(struct lws *wsi, const struct response *response);

/* The same, and ends the transaction. The callback of libwebsockets has to
 * return the result. */
MUST_CHECK int response_end(struct lws *wsi, struct response response);
MUST_CHECK int response_end_text(struct lws *wsi, unsigned status,
                                 const char *body);

#endif
