/* SPDX-License-Identifier: MIT
 * Two buckets. */
#include "edge/handshakes.h"

#include "base/hash.h"
#include "net/network.h"

#include <string.h>

enum { BURST_TIMES = 2 }; /* of what a network may in a second, at once */

static struct bucket *network_bucket(struct handshakes *handshakes,
                                     const char *address) {
  char network[NETWORK_BYTES];
  network_of(address, network);
  uint32_t hash = hash_bytes(network, strlen(network));
  return &handshakes->networks[hash % HANDSHAKES_PLACES];
}

uint32_t handshakes_take(struct handshakes *handshakes,
                         const struct config *config, int workers,
                         const char *address, uint64_t now_ms) {
  double share = workers, rate = (double)config->limits_handshakes_per_s;
  double one = (double)config->limits_handshakes_per_ip;
  if (config->limits_per_ip == 0) /* addresses are not to be told apart */
    one = 0;
  uint32_t wait_ms =
      address ? bucket_take(network_bucket(handshakes, address), one / share,
                            BURST_TIMES * one / share, 1, now_ms)
              : 0;
  return wait_ms ? wait_ms
                 : bucket_take(&handshakes->all, rate / share,
                               (double)config->limits_handshakes_burst / share,
                               1, now_ms);
}
