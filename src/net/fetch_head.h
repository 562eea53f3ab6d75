/* SPDX-License-Identifier: MIT
 * The heads of the answers to one request: statuses, headers and trailers, line
 * by line as they come.
 *
 * Each line is charged when it comes, for its bytes and for what it costs to
 * keep; lines of redirections and of `100 Continue` as well. So a server cannot
 * make many short lines expensive. */
#ifndef NET_FETCH_HEAD_H
#define NET_FETCH_HEAD_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>

enum { FETCH_HEAD_BYTES = 256 * 1024, FETCH_HEAD_LINE = 128 };

/* Zeroed to begin with. */
struct fetch_head {
  struct buf text; /* of the last answer: name, value, … each ended by a zero
                    * byte; names in lower case */
  size_t charged;
  bool open; /* between a status and the empty line */
};

/* Takes a line with its end. Returns false when that is more than
 * FETCH_HEAD_BYTES. */
MUST_CHECK bool fetch_head_take(struct fetch_head *head, const char *line,
                                size_t len);

void fetch_head_free(struct fetch_head *head);

#endif
