/* SPDX-License-Identifier: MIT
 * From a scripts directory to a generation. */
#ifndef SERVER_RELOAD_H
#define SERVER_RELOAD_H

#include "script/generation.h"

/* Reads the directory once and builds a generation for the host; NULL with
 * the reason in `error`. Serves as the start, the reload and the check. */
MUST_CHECK struct generation *reload_build(struct host *host, const char *dir,
                                           unsigned number, struct buf *error);

#endif
