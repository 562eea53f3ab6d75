/* SPDX-License-Identifier: MIT
 * What connections are found by: their users, rooms and addresses.
 *
 * hub/manager makes and frees these, and changes what is in them. */
#ifndef HUB_INDEX_H
#define HUB_INDEX_H

#include "base/hash.h"
#include "base/list.h"
#include "engine/engine.h"

#include <stdbool.h>
#include <stdint.h>

struct conn;

enum { ROOM_NAME_BYTES = 128, USER_ID_BYTES = 128 };

struct user {
  UT_hash_handle hh;
  struct list conns; /* conn->user_node: many devices */
  uint32_t count;
  uint32_t refs;    /* connections that point here, closing ones included */
  uint64_t counted; /* manager->counts, when it was last counted */
  char id[];
};

/* One member's row in a room's table. */
struct member {
  struct conn *conn;
  uint32_t slot; /* index into conn->rooms */
};

/* A dense table of its members, so that a fan-out reads memory in order. Those
 * that are held (hub/held) stand behind those that get what is sent. */
struct room {
  UT_hash_handle hh;
  struct member *members;
  uint32_t live, count, cap; /* members that are not held; all of them */
  uint32_t refs;    /* memberships that point here, closing ones included */
  struct list held; /* held->in_room */
  const struct rule *rule;     /* of manager->rules; NULL: none */
  struct engine_position at;   /* of a numbered room: what was delivered last */
  struct engine_position sent; /* and what this worker has published last */
  bool inside; /* this worker is in the engine's: letters of it come */
  bool behind; /* but none, until what was left out is read */
  char name[];
};

/* Connections from one network address, or from all of a network that is
 * counted together (see net/network). */
struct address {
  UT_hash_handle hh;
  uint32_t count;
  uint32_t away;           /* of those: parked sessions, which have no socket */
  struct address *network; /* that it counts in; of most: itself */
  char text[];
};

#endif
