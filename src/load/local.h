/* SPDX-License-Identifier: MIT
 * A server of our own to measure: the same program in development mode, on a
 * free port of the loopback, with the handlers of lua/perigee/bench.lua and
 * without limits. It ends with us, whatever ends us. */
#ifndef LOAD_LOCAL_H
#define LOAD_LOCAL_H

#include "base/attr.h"
#include "base/buf.h"

#include <sys/types.h>

enum { LOCAL_DIR_BYTES = 256, LOCAL_URL_BYTES = 300, LOCAL_FLAGS_MAX = 256 };

struct local {
  pid_t pid;
  char dir[LOCAL_DIR_BYTES]; /* what it serves, and its log */
  char url[LOCAL_URL_BYTES];
};

/* Starts it and waits until it is ready. `flags` are options of the server
 * that come after ours and win; `secret` is that of its tokens. 0; or
 * ERR_SYSTEM with the reason in `error`. local_stop in both cases. */
MUST_CHECK int local_start(struct local *local, const char *secret, int argc,
                           char **flags, struct buf *error);

/* Appends what it has logged beside being ready: at most the end of it. */
void local_log(const struct local *local, struct buf *out);

/* A port of the loopback that nobody listens on, or -1. Somebody else may take
 * it before it is used. */
int local_free_port(void);

/* Ends it and removes its folder. Harmless on a zeroed one. */
void local_stop(struct local *local);

#endif
