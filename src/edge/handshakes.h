/* SPDX-License-Identifier: MIT
 * How many may come at once: a bucket for each network first, then one for all
 * (limits.handshakes_per_ip, limits.handshakes_per_s).
 *
 * A handshake costs the server more than the client, over TLS most of all. So
 * over TLS both are asked before it begins, in the clear when a WebSocket is
 * asked for; and one address has no more than its part, so that it cannot use
 * up that of everybody else.
 *
 * The buckets of networks are a table of fixed size with a keyed hash: those
 * that share a place share a bucket, and nobody can choose with whom. */
#ifndef EDGE_HANDSHAKES_H
#define EDGE_HANDSHAKES_H

#include "config/config.h"
#include "hub/bucket.h"

enum { HANDSHAKES_PLACES = 4096 };

/* Zeroed: nobody has come. */
struct handshakes {
  struct bucket all, networks[HANDSHAKES_PLACES];
};

/* One more, from `address` (NULL: whose network is not asked, a proxy's), at a
 * worker that is one of `workers`, each of which has its share. Returns 0, or
 * the milliseconds until it may come again. */
uint32_t handshakes_take(struct handshakes *handshakes,
                         const struct config *config, int workers,
                         const char *address, uint64_t now_ms);

#endif
