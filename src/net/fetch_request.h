/* SPDX-License-Identifier: MIT
 * What a request asks for. */
#ifndef NET_FETCH_REQUEST_H
#define NET_FETCH_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fetch; /* one request, from fetch_start to fetch_free */

/* Headers are texts, each ended by a zero byte: name, value, name, value. */
struct fetch_headers {
  const char *text;
  size_t len; /* with all zero bytes */
};

typedef void fetch_done_fn(struct fetch *fetch, void *arg);

/* Borrowed until fetch_start returns. */
struct fetch_request {
  const char *url;
  const char *method; /* in capitals */
  struct fetch_headers headers;
  const char *body; /* NULL: none */
  size_t body_len;
  const char *body_type;       /* unless a header says it; NULL: not said */
  uint64_t timeout_ms;         /* for all of it, waiting included */
  uint64_t connect_timeout_ms; /* until the request can be sent */
  int redirects;               /* how many to follow; GET, HEAD and POST only */
  size_t max_bytes;
  bool held;           /* it begins with fetch_go; its time runs already */
  fetch_done_fn *done; /* called once, from the loop, never in fetch_start */
  void *arg;
};

#endif
