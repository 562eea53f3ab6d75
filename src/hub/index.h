/* SPDX-License-Identifier: MIT
 * What connections are found by: their users, rooms and addresses.
 *
 * Tables, and nothing else: hub/manager keeps them, and knows what else happens
 * when somebody comes or goes. */
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

/* Counts a connection for its address, and for the network of that. */
struct address *index_count_address(struct address **addresses,
                                    struct address **networks,
                                    const char *text);

/* Takes that back; with the last one the address is freed. */
void index_uncount_address(struct address **addresses,
                           struct address **networks, struct address *address);

/* NULL: there is none. */
struct user *index_user(struct user *users, const char *id, size_t len);

/* The user, who is made if there is none; `refs` is not changed. */
struct user *index_ensure_user(struct user **users, const char *id);

/* One of `refs` is gone; with the last one the user is freed. */
void index_unref_user(struct user **users, struct user *user);

/* A room without members, which is not in the table yet; `refs` is 0. */
struct room *index_add_room(struct room **rooms, const char *name, size_t len);

/* As index_unref_user. */
void index_unref_room(struct room **rooms, struct room *room);

/* A row for `conn`, whose membership is `slot` of conn->rooms: the last of
 * those that are live. */
void index_put_member(struct room *room, struct conn *conn, uint32_t slot);

/* Takes row `place` out by moving the last one there: the last of those that
 * are live, and then the last of those that are held. */
void index_take_member(struct room *room, uint32_t place);

/* The slot of the room in conn->rooms, or room_count. Walks the shorter of the
 * two tables, so that neither a full room nor a busy client is scanned. */
uint32_t index_slot(const struct conn *conn, const struct room *room);

#endif
