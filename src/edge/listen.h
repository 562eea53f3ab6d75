/* SPDX-License-Identifier: MIT
 * Listening sockets. They are opened once; a loop accepts from them.
 *
 * An address is host:port, or a Unix socket for a proxy on the same machine. */
#ifndef EDGE_LISTEN_H
#define EDGE_LISTEN_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/stats.h"

#include <uv.h>

enum { LISTEN_ADDRESS_BYTES = 128 };

/* Is called with an accepted descriptor, and owns it from then on. */
typedef void listen_fn(void *arg, int fd);

struct listener {
  uv_poll_t poll;
  uv_timer_t pause; /* runs while descriptors have run out */
  uint64_t told_ms; /* when that was last logged; 0: never */
  int fd;
  listen_fn *accepted;
  void *arg;
  struct stats *stats; /* borrowed */
};

/* Opens a socket on "host:port" (port 0: a free one) or "unix:/path", and
 * writes the address that it got, "127.0.0.1:8080", to `bound`. A Unix socket
 * can be used by its user and group. An old one that nobody listens on any more
 * is replaced. Returns the descriptor; or ERR_SYSTEM, with a line appended to
 * `error` that names `option`, where the address came from. */
MUST_CHECK int listen_open(const char *option, const char *address,
                           char bound[LISTEN_ADDRESS_BYTES], struct buf *error);

/* The same for `count` sockets on one address. The kernel spreads connections
 * over them (SO_REUSEPORT); a Unix socket is shared by all. Two servers could
 * share a port that way by mistake. So the port is bound alone first, to see
 * that it is free. Returns 0, and fills `fds`; or ERR_SYSTEM, and all of them
 * are -1. */
MUST_CHECK int listen_open_all(const char *option, const char *address,
                               int *fds, int count,
                               char bound[LISTEN_ADDRESS_BYTES],
                               struct buf *error);

/* Nobody listens there any more: removes what a Unix socket has left in its
 * folder. `bound` is what listen_open wrote. */
void listen_remove(const char *bound);

/* Accepts on the loop. The listener owns `fd` from now on. */
void listen_start(struct listener *listener, uv_loop_t *loop, int fd,
                  struct stats *stats, listen_fn *accepted, void *arg);

/* Closes the socket; the handles' close callbacks come later on the loop. */
void listen_stop(struct listener *listener);

#endif
