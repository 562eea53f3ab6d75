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
#include "net/fetch_request.h"

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct fetcher;

struct fetch_limits {
  uint32_t at_once;    /* requests under way; one more is TOO_MANY */
  uint32_t per_host;   /* connections to one host; more wait. 0: any number */
  const char *ca_file; /* PEM, borrowed; empty or NULL: the system's */
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

/* Begins one that was held. Nothing when it has ended. */
void fetch_go(struct fetch *fetch);

/* Valid from `done` or fetcher_close on. */
const struct fetch_result *fetch_result(const struct fetch *fetch);

/* May be called at any time, also inside `done`. A request that is under way is
 * given up, and its `done` is not called. Accepts NULL. */
void fetch_free(struct fetch *fetch);

#endif
