/* SPDX-License-Identifier: MIT
 * What a generation was made of, kept to tell what a reload has changed.
 *
 * A handler counts as changed when the text of its script has changed, or the
 * text of any module in a sub-folder, because nobody knows which script uses
 * which module. Modules from elsewhere are not looked at. */
#ifndef SERVER_MANIFEST_H
#define SERVER_MANIFEST_H

#include "script/bundle.h"
#include "script/generation.h"

#include <stdint.h>

struct manifest;

enum manifest_change { MANIFEST_ADDED, MANIFEST_REMOVED, MANIFEST_CHANGED };

MUST_CHECK struct manifest *manifest_new(const struct generation *generation);

/* Accepts NULL. */
void manifest_free(struct manifest *manifest);

/* The same for the same files with the same texts, on any machine. */
uint64_t manifest_print(const struct manifest *manifest);

/* How many files and handlers it has. */
size_t manifest_files(const struct manifest *manifest);
size_t manifest_handlers(const struct manifest *manifest);

/* The document of script/interface.h. */
const struct buf *manifest_interface(const struct manifest *manifest);

/* Appends the message types that `after` has added to, removed from or changed
 * in `before`, as a sorted JSON array. */
void manifest_diff(const struct manifest *before, const struct manifest *after,
                   enum manifest_change change, struct buf *out);

#endif
