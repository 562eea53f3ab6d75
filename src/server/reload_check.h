/* SPDX-License-Identifier: MIT
 * What a reload would do: generations that are built, looked at, and freed. */
#ifndef SERVER_RELOAD_CHECK_H
#define SERVER_RELOAD_CHECK_H

#include "server/reload.h"

/* Reads the folder once and builds a generation for the host, to see whether it
 * can be built. Returns NULL with the reason in `error` when it cannot. The
 * caller frees `*manifest`; `manifest` may be NULL. */
MUST_CHECK struct generation *
reload_check_build(struct host *host, const char *dir, unsigned number,
                   struct manifest **manifest, struct buf *error);

/* Builds what a reload would make of the configuration and the scripts as they
 * are now, and writes the answer. Returns whether they are good. In place,
 * whatever is under way: it does not touch the workers. Its number is the one
 * that the next load will have. */
MUST_CHECK bool reload_check(const struct reloader *reloader, struct buf *json);

#endif
