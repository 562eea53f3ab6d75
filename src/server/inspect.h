/* SPDX-License-Identifier: MIT
 * Looks at what a server needs from its machine before anything is opened.
 *
 * Both `perigee serve` and `perigee check` do that, so that they refuse the
 * same. They do not look whether an address is in use: the server that is to be
 * replaced may still run. */
#ifndef SERVER_INSPECT_H
#define SERVER_INSPECT_H

#include "base/buf.h"
#include "config/config.h"

/* Looks at addresses (are they of this machine? is one there twice?), at
 * folders and files that must be readable, at certificates and proxies. Returns
 * 0, or ERR_CONFIG with a line in `errors` for everything that is wrong. */
MUST_CHECK int inspect(const struct config *config, struct buf *errors);

#endif
