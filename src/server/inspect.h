/* SPDX-License-Identifier: MIT
 * Looks at what a server needs from its machine before anything is opened.
 *
 * `perigee serve` and `perigee check` both do, so that one refuses what the
 * other would. Whether an address is in use is not looked at: the server that
 * is to be replaced may run. */
#ifndef SERVER_INSPECT_H
#define SERVER_INSPECT_H

#include "base/buf.h"
#include "config/config.h"

/* Returns 0; or ERR_CONFIG with a line for everything that is wrong in
 * `errors`: addresses that are not here, or the same twice, folders and files
 * that cannot be read, certificates, proxies. */
MUST_CHECK int inspect(const struct config *config, struct buf *errors);

#endif
