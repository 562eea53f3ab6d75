/* SPDX-License-Identifier: MIT
 * The call `batch`: calls in the lines of one body, which are made as they
 * come.
 *
 * Nothing is kept but the line that is not complete yet: however long the body
 * is, it takes as much memory as its longest line. */
#ifndef API_BATCH_H
#define API_BATCH_H

#include "api/call.h"

enum { BATCH_BYTES_MAX = 16 * 1024 * 1024 };

struct batch {
  struct buf line; /* the begin of one whose end has not come */
  bool too_long;   /* and what comes of it is dropped */
};

/* Who makes the calls, and where their answers go. */
struct batch_run {
  struct api_context *context;
  unsigned groups;     /* of the key */
  size_t line_max;     /* bytes of a line */
  struct buf *scratch; /* for texts of a call */
  struct buf *out;     /* gets a line for each call */
  /* One was made, and whether it was done; NULL: nobody counts. */
  void (*made)(void *arg, const struct api_call *call, bool done);
  void *arg;
};

void batch_free(struct batch *batch);

/* The next piece of the body. Empty lines are no calls. */
void batch_take(struct batch *batch, const struct batch_run *run,
                struct slice piece);

/* The body has ended, perhaps without a line break. */
void batch_end(struct batch *batch, const struct batch_run *run);

#endif
