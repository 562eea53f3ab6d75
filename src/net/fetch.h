/* SPDX-License-Identifier: MIT
 * HTTP requests to other servers, on the worker's loop.
 *
 * Each worker has one fetcher. It keeps connections alive between requests,
 * looks up names, and holds the limits. Nothing here blocks. A request holds a
 * thread only while a name is looked up that no cache knows. */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include "base/attr.h"
#include "net/fetch_code.h"

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct fetcher;
struct fetch; /* one request, from fetch_start to fetch_free */

struct fetch_limits {
  uint32_t at_once;    /* requests under way; one more is TOO_MANY */
  uint32_t per_host;   /* connections to one host; more wait. 0: any number */
  const char *ca_file; /* PEM, borrowed; empty or NULL: the system's */
};

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
  fetch_done_fn *done; /* called once, from the loop, never in fetch_start */
  void *arg;
};

/* Belongs to the fetch. */
struct fetch_result {
  enum fetch_code code;
  const char *text; /* unless OK: what was wrong. No user, no password */
  int status;
  struct fetch_headers headers; /* of the last answer, names in lower case */
  const char *body;             /* never NULL */
  size_t body_len;
};

/* Returns NULL when libcurl does not start. */
struct fetcher *fetcher_new(uv_loop_t *loop, const struct fetch_limits *limits);

/* Ends every request without calling its `done`, and closes all handles. The
 * fetches must still be freed. May be called inside a `done`. Accepts NULL. */
void fetcher_close(struct fetcher *fetcher);

/* Call it when the loop has closed the handles. Accepts NULL. */
void fetcher_free(struct fetcher *fetcher);

/* Starts a request and gives it to `fetch`. With any other code than FETCH_OK
 * there is no request, and `why` is a constant text. */
MUST_CHECK enum fetch_code fetch_start(struct fetcher *fetcher,
                                       const struct fetch_request *request,
                                       struct fetch **fetch, const char **why);

/* Valid from `done` or fetcher_close on. */
const struct fetch_result *fetch_result(const struct fetch *fetch);

/* May be called at any time, also inside `done`. A request that is under way is
 * given up, and its `done` is not called. Accepts NULL. */
void fetch_free(struct fetch *fetch);

#endif
