/* SPDX-License-Identifier: MIT
 * A snapshot of all script sources, read once.
 *
 * Generations are built from it: so every worker compiles the same bytes,
 * whatever an editor writes meanwhile. */
#ifndef SCRIPT_BUNDLE_H
#define SCRIPT_BUNDLE_H

#include "base/buf.h"

#include <stdbool.h>

struct bundle_file {
  char *name; /* relative to the folder: "chat.lua", "lib/words.lua" */
  char *source;
  size_t len;
};

struct bundle {
  char *dir;                 /* as given */
  struct bundle_file *files; /* sorted by name */
  size_t count;
  unsigned refs; /* holders; they are all on one thread */
};

/* Reads every *.lua file of the folder and of its sub-folders, but no hidden
 * ones. The caller holds the one reference. If that fails, returns NULL, and
 * appends a text to `error`. */
struct bundle *bundle_read(const char *dir, struct buf *error);

/* One more holder; returns the bundle. */
struct bundle *bundle_ref(struct bundle *bundle);

/* One holder less; the last one frees it. Accepts NULL. */
void bundle_unref(struct bundle *bundle);

#endif
