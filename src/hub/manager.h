/* SPDX-License-Identifier: MIT
 * The connection manager: every connection of this worker, by id, by user and
 * by room. It knows state, no business.
 *
 * Cost: adding and joining are O(1), leaving and removing O(rooms of that
 * connection). A room is a dense table of its members, so that a
 * fan-out reads memory in order; a member knows its place in the table and is
 * taken out by moving the last one there. Only a broadcast looks at all.
 *
 * Whoever walks over a room, a user or all connections may close the very
 * connection it is at: tables are walked from the end (the one moved into a
 * gap has been visited), lists with the safe iterator. */
#ifndef HUB_MANAGER_H
#define HUB_MANAGER_H

#include "base/list.h"
#include "base/stats.h"
#include "engine/bus.h"
#include "hub/backlog.h"
#include "hub/conn.h"
#include "hub/slots.h"

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

struct room {
  UT_hash_handle hh;
  struct member *members;
  uint32_t count, cap;
  uint32_t refs; /* memberships that point here, closing ones included */
  char name[];
};

/* Connections from one network address, or from all of a network that is
 * counted together (see net/network). */
struct address {
  UT_hash_handle hh;
  uint32_t count;
  struct address *network; /* that it counts in; of most: itself */
  char text[];
};

/* Fixed when the worker starts; 0 means no limit, except queue_bytes. Those
 * for all connections together are this worker's share. */
struct manager_limits {
  size_t queue_bytes;   /* of one connection */
  size_t backlog_bytes; /* of all that do not keep up, see hub/backlog */
  uint32_t rooms_per_connection, per_user, per_address, connections;
};

struct manager {
  struct bus *bus;    /* borrowed; to other workers, NULL if there are none */
  int worker;         /* 0, 1, … */
  int64_t left_out_s; /* Unix time of the last log line about a worker that is
                       * behind, by hub/delivery */
  struct manager_limits limits;
  struct stats *stats; /* borrowed */
  struct conn *by_id;
  struct user *users;
  struct room *rooms;
  struct address *addresses;
  struct address *networks; /* of those addresses that do not count singly */
  struct list conns;        /* conn->node: all that are open */
  struct list gone;         /* conn->node: closed, farewell not yet said */
  struct list lingering; /* conn->node: the same, but a handler waits still */
  struct backlog backlog;
  uint32_t count; /* of conns */
  uint32_t alive; /* those and the closing ones that are not freed yet */
  uint64_t last_id;
  uint64_t counts;    /* by manager_room_users, so far */
  struct slots slots; /* conn->slot */
};

void manager_init(struct manager *manager, struct manager_limits limits,
                  struct stats *stats);

/* From now on limits of connections are those of the process, and others
 * learn from the bus's whereabouts who is here. Before the first connection. */
void manager_connect_bus(struct manager *manager, struct bus *bus, int worker);

/* Everything must have been closed and released before. */
void manager_free(struct manager *manager);

/* Gives the connection its id and takes it into the index. ERR_LIMIT_EXCEEDED
 * if there are too many from that network, ERR_OVERLOADED if there are in all;
 * it is in the index all the same then, and the caller closes it. */
MUST_CHECK int manager_add(struct manager *manager, struct conn *conn,
                           const char *address);

/* The connection is this user's from now on (state CONN_READY). `id` is
 * copied, at most USER_ID_BYTES. ERR_LIMIT_EXCEEDED, and no change, if the
 * user has too many connections. */
MUST_CHECK int manager_login(struct manager *manager, struct conn *conn,
                             const char *id);

/* For conn_close: out of every index, into the list `gone`. */
void manager_remove(struct manager *manager, struct conn *conn);

/* The connection's farewell was said: drops what was kept for it. */
void manager_farewell(struct manager *manager, struct conn *conn);

/* Frees the connection if both socket and farewell are over. */
void manager_release(struct manager *manager, struct conn *conn);

/* The open connection with that id, or NULL. */
struct conn *manager_conn(const struct manager *manager, uint64_t id);

struct user *manager_user(const struct manager *manager, const char *id,
                          size_t len);
struct room *manager_room(const struct manager *manager, const char *name,
                          size_t len);

/* Whether the connection is a member; false while it is closing. */
bool manager_is_member(const struct conn *conn, const struct room *room);

/* How many users its members have, each counted once. Looks at every member,
 * and leaves a mark at their users. */
uint32_t manager_room_users(struct manager *manager, const struct room *room);

/* Whether this may be a room's name: 1 to ROOM_NAME_BYTES bytes, none of them
 * a control character. */
bool manager_room_name_ok(const char *name, size_t len);

/* Makes the connection a member (joining twice is once). ERR_LIMIT_EXCEEDED
 * at rooms_per_connection; ERR_UNAUTHENTICATED before login, ERR_CLOSED
 * after the end. The name
 * is one that manager_room_name_ok accepts. */
MUST_CHECK int manager_join(struct manager *manager, struct conn *conn,
                            const char *name, size_t len);

/* Ends a membership. ERR_NOT_FOUND if there was none. */
MUST_CHECK int manager_leave(struct manager *manager, struct conn *conn,
                             const char *name, size_t len);

#endif
