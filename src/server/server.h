/* SPDX-License-Identifier: MIT
 * The whole process: starts the workers, listens to signals, reloads, ends.
 *
 *   SIGHUP          reload configuration, scripts and TLS certificate; in
 *                   development mode the same as SIGTERM, unless it is ignored
 *   SIGTERM, SIGINT drain and end; the second time at once */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "base/buf.h"
#include "config/config.h"

/* Serves until it is told to end, and then returns 0. When it could not start
 * it returns ERR_SYSTEM, ERR_CONFIG or ERR_SCRIPT, with the reason in `error`.
 * `config` is what `args` says so far; a reload reads `args` again. Both are
 * borrowed. */
int server_run(const struct config *config, const struct config_args *args,
               struct buf *error);

/* Looks at everything that a start looks at, and serves nothing: at the machine
 * (server/inspect), keys and scripts. `handlers` gets the number of handlers.
 * Returns 0; or ERR_CONFIG or ERR_SCRIPT, with a line for each reason in
 * `errors`. */
int server_check(const struct config *config, unsigned *handlers,
                 struct buf *errors);

/* Appends what the scripts declare to clients, see script/interface.h. Looks
 * at keys and scripts, and nowhere else. Returns and tells the same. */
int server_describe(const struct config *config, struct buf *out,
                    struct buf *errors);

#endif
