/* SPDX-License-Identifier: MIT
 * How many may come at once. There is a bucket for each network, which is asked
 * first, and one for all (limits.handshakes_per_ip, limits.handshakes_per_s).
 *
 * A handshake costs the server more than the client, most of all over TLS. So
 * over TLS the buckets are asked before the TLS handshake; without TLS, when a
 * WebSocket is asked for. One network has only its own part, and cannot use up
 * that of everybody else.
 *
 * The buckets of networks are a table of fixed size with a keyed hash. Networks
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

/* One more from `address`. NULL is a proxy's: then only the bucket for all is
 * asked. Each of `workers` has an equal share of both. Returns 0, or the
 * milliseconds until it may come again. */
uint32_t handshakes_take(struct handshakes *handshakes,
                         const struct config *config, int workers,
                         const char *address, uint64_t now_ms);

#endif
