/* SPDX-License-Identifier: MIT
 * Answers that may be asked for again: Idempotency-Key.
 *
 * Who gets no answer cannot know whether his call was made, and repeats it.
 * With a text of his own in the header the repeat is known as one, and gets the
 * first answer. Answers are kept for five minutes, and there is a bound: past
 * that the oldest go. */
#ifndef API_REPEAT_H
#define API_REPEAT_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/list.h"
#include "wire/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
  REPEAT_KEY_BYTES = 128,
  REPEAT_PRINT_BYTES = 32,
  REPEAT_MS = 5 * 60 * 1000,
  REPEAT_BYTES_MAX = 64 * 1024 * 1024, /* of answers and names */
};

struct repeats {
  struct repeat *table; /* by name */
  struct list order;    /* the oldest is first */
  size_t bytes;
};

struct repeat_answer {
  unsigned status;
  bool problem; /* application/problem+json */
  struct slice body;
};

enum repeat_verdict {
  REPEAT_NEW,   /* it was never seen */
  REPEAT_SAME,  /* here is its answer */
  REPEAT_BUSY,  /* the first is not answered yet */
  REPEAT_OTHER, /* the same text, and something else is asked */
};

void repeats_init(struct repeats *repeats);
void repeats_free(struct repeats *repeats);

/* Whether this may be the text of the header. */
bool repeat_key_ok(struct slice key);

/* What is asked for, as a few bytes: `target` is the path with its query. */
void repeat_print(struct slice target, struct slice body,
                  unsigned char print[REPEAT_PRINT_BYTES]);

/* Looks for the answer to a call: `who` is the name of its key, `call` that of
 * the call, `print` that of repeat_print. What `answer` points to is there
 * until the next call. */
MUST_CHECK enum repeat_verdict
repeats_find(struct repeats *repeats, const char *who, const char *call,
             struct slice key, const unsigned char *print, uint64_t now_ms,
             struct repeat_answer *answer);

/* Keeps the answer; all is copied. REPEAT_NEW was found for it before. With a
 * status of 0 there is no answer yet: REPEAT_BUSY. */
void repeats_keep(struct repeats *repeats, const char *who, const char *call,
                  struct slice key, const unsigned char *print, uint64_t now_ms,
                  const struct repeat_answer *answer);

/* Forgets it. */
void repeats_drop(struct repeats *repeats, const char *who, const char *call,
                  struct slice key);

#endif
