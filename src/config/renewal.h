/* SPDX-License-Identifier: MIT
 * The configuration, read again while the server runs.
 *
 * What is RELOADABLE in options.def takes the new value, and so does `vars`.
 * Everything else keeps its value, and the caller is told that there is another
 * one. */
#ifndef CONFIG_RENEWAL_H
#define CONFIG_RENEWAL_H

#include "config/config.h"

struct renewal {
  struct config *config; /* to be live next; NULL when it is not valid */
  struct buf changed;    /* keys that have another value: "a.b c.d" */
  struct buf kept;       /* keys whose other value takes a restart */
};

/* Reads all sources again, as `args` says, and compares them with what is live.
 * Returns 0, or ERR_CONFIG with a line for each mistake in `errors`. The caller
 * frees it with renewal_free in either case. */
MUST_CHECK int renewal_read(struct renewal *renewal,
                            const struct config_args *args,
                            const struct config *live, struct buf *errors);

void renewal_free(struct renewal *renewal);

#endif
