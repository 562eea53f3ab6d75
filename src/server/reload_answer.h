/* SPDX-License-Identifier: MIT
 * What those are answered who asked for a reload: one JSON object, member by
 * member. docs/operations.md describes it. */
#ifndef SERVER_RELOAD_ANSWER_H
#define SERVER_RELOAD_ANSWER_H

#include "base/buf.h"
#include "config/renewal.h"
#include "server/manifest.h"

#include <stdbool.h>
#include <stdint.h>

/* Opens the object; whoever calls it writes the closing brace. `number` is the
 * generation that is live, `started_ns` is of uv_hrtime. */
void reload_answer_begin(struct buf *out, bool ok, bool check, unsigned number,
                         uint64_t started_ns);

/* Why it failed: `message`. The text may be anything, JSON is UTF-8. */
void reload_answer_message(struct buf *out, const char *text, size_t len);

/* The same for an error of a script, whose text begins with a place:
 * `file`, `line` and `message`. */
void reload_answer_error(struct buf *out, const struct buf *error);

/* Which handlers are new, gone or other ones. */
void reload_answer_changes(struct buf *out, const struct manifest *before,
                           const struct manifest *after);

/* Which changes of the declarations break clients, and which do not. */
void reload_answer_verdicts(struct buf *out, const struct manifest *before,
                            const struct manifest *after);

/* Which options have another value, and which of those need a restart. */
void reload_answer_renewal(struct buf *out, const struct renewal *renewal);

#endif
