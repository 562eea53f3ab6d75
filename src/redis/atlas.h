/* SPDX-License-Identifier: MIT
 * Which node of a cluster has which slot, as one of its nodes sees it.
 *
 * A cluster has 16384 slots; each key is in one of them, and each slot belongs
 * to one master at a time, or to nobody. What nodes say of that differs for a
 * while after a change; who got a slot last has the higher epoch. */
#ifndef REDIS_ATLAS_H
#define REDIS_ATLAS_H

#include "base/attr.h"
#include "wire/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  ATLAS_SLOTS = 16384,
  ATLAS_NODES = 64, /* masters; those after them are left out */
  ATLAS_NOBODY = 255,
  ATLAS_ID_BYTES = 41,
  ATLAS_HOST_BYTES = 256
};

struct atlas_node {
  char id[ATLAS_ID_BYTES], host[ATLAS_HOST_BYTES];
  int port;
  uint64_t epoch;
};

struct atlas {
  char self[ATLAS_ID_BYTES]; /* the node that says it; it may have no slots */
  size_t count;
  struct atlas_node nodes[ATLAS_NODES]; /* masters with slots */
  uint8_t owner[ATLAS_SLOTS];           /* one of `nodes`, or ATLAS_NOBODY */
};

/* The slot of a key: of what stands between the first { and the next }, if that
 * is something, else of all of it. */
size_t atlas_slot(const char *key, size_t len);

/* Reads what CLUSTER NODES answers. `from` is where it was asked: a node that
 * does not know its own address is there. With `tls` a node that has told a
 * name is known by that, for its certificate. False: that is no such answer. */
MUST_CHECK bool atlas_read(struct atlas *atlas, const char *text,
                           const char *from, bool tls);

/* Whether the same text says that the node is a replica, and is there. */
bool atlas_has_replica(const char *text, const char *id);

/* Reads "MOVED slot host:port", and as `host` "" where it is the same as that
 * of the node which says it. */
MUST_CHECK bool atlas_read_moved(const char *text, size_t *slot,
                                 char host[ATLAS_HOST_BYTES], int *port);

#endif
