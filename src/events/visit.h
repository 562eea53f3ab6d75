/* SPDX-License-Identifier: MIT
 * A look into an outbox from outside, also while a server serves from it. */
#ifndef EVENTS_VISIT_H
#define EVENTS_VISIT_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct visit;

/* Which events. NULL: whatever it is. */
struct visit_which {
  bool dead;        /* dead letters; else those that wait */
  const char *id;   /* */
  const char *user; /* */
  const char *type; /* `order.made`, or with a `*`: `order.*` */
  int64_t limit;    /* the oldest so many; -1: all */
};

struct visit_event {
  int64_t at_ms;                /* Unix time */
  const char *id, *type, *user; /* "" for none */
  const char *data, *body;      /* JSON: its data; all of it */
  int status;                   /* of a dead letter: the answer, */
  const char *answer;           /* its text, */
  int64_t buried_ms;            /* and when that was */
};

typedef void visit_fn(void *arg, const struct visit_event *event);

/* NULL with a line in `error`. */
MUST_CHECK struct visit *visit_open(const char *path, struct buf *error);

/* Accepts NULL. */
void visit_close(struct visit *visit);

/* Calls `each` with each of them, the oldest first. Returns 0, or ERR_SYSTEM
 * with a line in `error`. */
MUST_CHECK int visit_each(struct visit *visit, const struct visit_which *which,
                          visit_fn *each, void *arg, struct buf *error);

/* Dead letters wait again, behind the others. `count` gets how many. */
MUST_CHECK int visit_replay(struct visit *visit,
                            const struct visit_which *which, int64_t *count,
                            struct buf *error);

/* They are gone, and the backend never hears of them. */
MUST_CHECK int visit_drop(struct visit *visit, const struct visit_which *which,
                          int64_t *count, struct buf *error);

#endif
