/* SPDX-License-Identifier: MIT
 * One request to the backend, and what its answer means. */
#ifndef EVENTS_POST_H
#define EVENTS_POST_H

#include "base/attr.h"
#include "net/fetch.h"

#include <stdbool.h>

enum {
  POST_MS = 10000,        /* for all of a request */
  POST_CONNECT_MS = 3000, /* and until it can be sent */
  POST_ANSWER_BYTES = 1 << 20
};

/* Starts it: `{"events":[…]}`, signed if there is a secret. */
MUST_CHECK enum fetch_code post_start(struct fetcher *fetcher, const char *url,
                                      const char *secret, const char *body,
                                      size_t len, fetch_done_fn *done,
                                      void *arg, struct fetch **fetch,
                                      const char **why);

enum post_verdict {
  POST_TAKEN,   /* 2xx */
  POST_REFUSED, /* 4xx: it does not want this, and never will */
  POST_LATER,   /* nobody answers, or says: not now */
  POST_FAILED   /* 5xx and others: one of the events may be the reason */
};

enum post_verdict post_verdict(const struct fetch_result *result);

/* The beginning of the answer as a text: valid UTF-8, with a zero at its end
 * and none before. */
void post_answer_text(const struct fetch_result *result, char *text,
                      size_t size);

#endif
