/* SPDX-License-Identifier: MIT
 * An outbox in a file, with SQLite. */
#ifndef EVENTS_OUTBOX_FILE_H
#define EVENTS_OUTBOX_FILE_H

#include "base/attr.h"
#include "base/buf.h"
#include "events/outbox.h"

struct outbox_file_options {
  const char *path;
  uint64_t dead_bytes; /* of dead letters: the oldest go */
  bool sync;           /* each commit also survives a power cut */
};

enum { OUTBOX_DEAD_MAX = 10000 };

/* Opens the file, or makes it. No other process may serve from it. NULL with a
 * line in `error`. */
MUST_CHECK struct outbox *
outbox_file_open(const struct outbox_file_options *options, struct buf *error);

#endif
