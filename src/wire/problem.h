/* SPDX-License-Identifier: MIT
 * Answers to calls that are refused, or that fail: RFC 9457, with `code`, which
 * is one of those that clients get (base/err), and `ref`, which is in the line
 * of the log. */
#ifndef WIRE_PROBLEM_H
#define WIRE_PROBLEM_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

enum {
  PROBLEM_CODE_BYTES = 65,
  PROBLEM_DETAIL_BYTES = 256,
  PROBLEM_REF_BYTES = 24
};

struct problem {
  unsigned status;
  char code[PROBLEM_CODE_BYTES];
  char detail[PROBLEM_DETAIL_BYTES];
  char ref[PROBLEM_REF_BYTES]; /* empty: no line has it */
  const char *headers; /* static: further lines, each with its CR LF; or NULL */
  unsigned retry_s;    /* Retry-After; 0: none */
};

/* A problem with that code, the status that goes with it, and a reference.
 * Sizes and names may be in the text; nothing of a key. Always returns false,
 * so that one can return it. */
bool problem_set(struct problem *problem, enum err err, const char *fmt, ...)
    PRINTF(3, 4);

/* A code of a script's own instead; what is longer than 64 bytes is cut. */
void problem_set_code(struct problem *problem, const char *code);

/* What a script has refused with: a code that is one of ours has its status,
 * one of its own 422. */
void problem_set_refusal(struct problem *problem, const char *code,
                         const char *text);

/* The status that goes with a code. */
unsigned problem_status(enum err err);

/* Appends it as JSON, without a line break. */
void problem_put(struct buf *out, const struct problem *problem);

/* The same with a member `data`, which is JSON; empty: without. */
void problem_put_data(struct buf *out, const struct problem *problem,
                      const struct buf *data);

#endif
