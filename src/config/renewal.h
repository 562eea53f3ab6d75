/* SPDX-License-Identifier: MIT
 * The configuration, read again while the server runs.
 *
 * What is RELOADABLE in options.def, and `vars`, take the new value; everything
 * else keeps the one that it has, and is told. */
#ifndef CONFIG_RENEWAL_H
#define CONFIG_RENEWAL_H

#include "config/config.h"

struct renewal {
  struct config *config; /* to be live next; NULL when it is not valid */
  struct buf changed;    /* keys that have another value: "a.b c.d" */
  struct buf kept;       /* keys whose other value takes a restart */
};

/* Reads all sources again, as `args` says, and compares with what is live.
 * Returns 0; or ERR_CONFIG with a line for each mistake in `errors`. To be
 * freed with renewal_free in any case. */
MUST_CHECK int renewal_read(struct renewal *renewal,
                            const struct config_args *args,
                            const struct config *live, struct buf *errors);

void renewal_free(struct renewal *renewal);

#endif
