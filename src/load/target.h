/* SPDX-License-Identifier: MIT
 * Where the clients of the generator connect to. */
#ifndef LOAD_TARGET_H
#define LOAD_TARGET_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>
#include <sys/socket.h>

struct target {
  const char *host, *path; /* borrowed */
  int port;
  bool tls;
  double wait_s; /* until somebody listens there; 0: not at all */
};

/* Finds the address. Of several that the host has it is the first one that
 * somebody listens on: `localhost` is often ::1 first, and the server on
 * 127.0.0.1 only. Blocks, at most for `wait_s`. 0; or ERR_SYSTEM with the
 * reason in `error`. That nobody listens is no error here. */
MUST_CHECK int target_resolve(const struct target *target,
                              struct sockaddr_storage *address,
                              struct buf *error);

#endif
