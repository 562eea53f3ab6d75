/* SPDX-License-Identifier: MIT
 * The connection manager: every connection of this worker, by id, by user, by
 * room and by address. It knows states, and no business.
 *
 * Adding and joining cost O(1); leaving and removing cost O(rooms of that
 * connection). A room is a dense table of its members (hub/index). A member
 * knows its place in the table. To take one out, the last one is moved into its
 * place. Only a broadcast looks at all connections.
 *
 * Whoever walks over a room, a user or all connections may close the very
 * connection that it is at; hub/delivery says how to walk. */
#ifndef HUB_MANAGER_H
#define HUB_MANAGER_H

#include "base/list.h"
#include "base/stats.h"
#include "engine/bus.h"
#include "engine/engine.h"
#include "hub/bucket.h"
#include "hub/conn.h"
#include "hub/index.h"
#include "hub/roster.h"
#include "hub/slots.h"

/* 0 means no limit, except queue_bytes. Those for all connections together are
 * this worker's share. */
struct manager_limits {
  size_t queue_bytes;   /* of one connection */
  size_t backlog_bytes; /* of all that do not keep up, see hub/backlog */
  size_t replay_bytes;  /* kept for one session, see hub/replay */
  size_t replays_bytes; /* and for all of them */
  uint32_t parked;      /* sessions whose clients are away */
  uint32_t rooms_per_connection, per_user, per_address, connections;
};

struct manager {
  struct conn_owner owner; /* what its connections see of it */
  struct bus *bus;  /* borrowed; to other workers, NULL if there are none */
  struct bus *home; /* the same one, also if there are none: to itself */
  struct engine *engine; /* borrowed; of numbered rooms */
  struct engine *others; /* the same if it is shared; NULL: there are no other
                          * machines */
  struct events *events; /* borrowed, by hub/tell; NULL: nobody hears of any */
  struct rules
      *rules; /* borrowed, by hub/declared; NULL: nothing is declared */
  int worker; /* 0, 1, … */
  /* By hub/late: letters of this worker to itself that have not come yet; and
   * those of them that are for all, or for a room. */
  uint32_t underway, fanouts;
  int64_t left_out_s; /* Unix time of the last log line about a worker that is
                       * behind, by hub/publish */
  struct roster *roster; /* who is in rooms; NULL: nobody wants to know */
  /* By protocol/recover, for rooms with numbers. A member does not take what it
   * is sent; messages were left out after room->at; a new era has begun, with
   * nothing of the one before, or numbers have, with the first ones missed. */
  void (*on_behind)(struct conn *conn, struct room *room);
  void (*on_gap)(struct room *room);
  void (*on_era)(struct room *room, struct engine_position at);
  struct manager_limits limits;
  struct conn *by_id;
  struct user *users;
  struct room *rooms;
  struct address *addresses;
  struct address *networks; /* of those addresses that do not count singly */
  struct list conns;        /* conn->node: all that are open */
  struct list gone;         /* conn->node: closed, farewell not yet said */
  struct list lingering;   /* conn->node: the same, but a handler waits still */
  struct bucket told_shed; /* log lines of hub/shed */
  struct list away; /* conn->replay->away: who is away longest comes first */
  uint32_t count;   /* of conns */
  uint32_t alive;   /* those and the closing ones that are not freed yet */
  uint64_t last_id;
  uint64_t counts;    /* by manager_room_users, so far */
  struct slots slots; /* conn->slot */
  void (*free_conn)(struct conn *conn);
  /* The first connection of a user has logged in, or his last one has closed.
   * It may only make a note. NULL if nobody wants to know, and with a bus,
   * whose whereabouts know better. */
  void (*user_turned)(struct manager *manager, const char *user, bool online);
};

/* `loop` and `stats` are borrowed. `free_conn` is called with a connection when
 * its socket and its farewell are over. */
void manager_init(struct manager *manager, uv_loop_t *loop, struct stats *stats,
                  void (*free_conn)(struct conn *conn));

/* From now on these limits are those of what is added and sent. */
void manager_set_limits(struct manager *manager, struct manager_limits limits);

static inline struct manager *manager_of(const struct conn *conn) {
  return container_of(conn->owner, struct manager, owner);
}

/* From now on the limits of connections are those of the process, and other
 * workers learn from the bus's whereabouts who is here. To be called before the
 * first connection. */
void manager_connect_bus(struct manager *manager, struct bus *bus, int worker);

/* The engine of rooms that are numbered, and of other machines, if it is
 * shared; without one there must be no rules. To be called before the first
 * connection.
 */
void manager_connect_engine(struct manager *manager, struct engine *engine);

/* Whether a message that this worker has published to the room is still on its
 * way to it. Another one must not overtake it. */
static inline bool room_is_underway(const struct room *room) {
  return room->sent.seq > room->at.seq && room->sent.era == room->at.era;
}

/* Every connection must have been closed and freed before. */
void manager_free(struct manager *manager);

/* Gives the connection its id and takes it into the index. ERR_LIMIT_EXCEEDED
 * if there are too many from that network, ERR_OVERLOADED if there are too many
 * in all. It is in the index all the same then, and the caller closes it. */
MUST_CHECK int manager_add(struct manager *manager, struct conn *conn,
                           const char *address);

/* The connection is this user's from now on (state CONN_READY). `id` is
 * copied, at most USER_ID_BYTES; `elsewhere` are
 * its connections on other machines. ERR_LIMIT_EXCEEDED, and no change, if the
 * user has too many connections. */
MUST_CHECK int manager_login(struct manager *manager, struct conn *conn,
                             const char *id, uint32_t elsewhere);

/* From now on the connection does not count for its address, nor among
 * limits.connections: it is away, or another one is counted in its place. */
void manager_uncount(struct conn *conn);

/* It does again, and there was a place for it a moment ago. */
void manager_count_again(struct conn *conn);

/* For owner->parked: the connection is CONN_AWAY. As it has no socket, it does
 * not count for its address. */
void manager_park(struct manager *manager, struct conn *conn);

/* `conn` goes on with what `from`, a new connection of its client, has: its
 * place among those of its address. `from` gets what conn had. To be called
 * before conn_back, and whether conn is CONN_AWAY or not. */
void manager_unpark(struct manager *manager, struct conn *conn,
                    struct conn *from);

/* Its claims, its address, or whether it is away, have become others: other
 * workers see that. manager_park calls it. */
void manager_tell_changed(const struct conn *conn);

/* Makes room for a connection that is in no index, and that only ends. */
void manager_add_unknown(struct manager *manager, struct conn *conn);

/* The connection's farewell was said: drops what was kept for it, and frees it
 * if its socket is gone, too. */
void manager_farewell(struct manager *manager, struct conn *conn);

/* The open connection with that id, or NULL. */
struct conn *manager_conn(const struct manager *manager, uint64_t id);

struct user *manager_user(const struct manager *manager, const char *id,
                          size_t len);
struct room *manager_room(const struct manager *manager, const char *name,
                          size_t len);

/* The connection's row in conn->rooms; NULL if it is no member. */
struct membership *manager_membership(const struct conn *conn,
                                      const struct room *room);

/* Whether the connection is a member; false while it is closing. */
bool manager_is_member(const struct conn *conn, const struct room *room);

/* How many users its members have; each user counts once. It looks at every
 * member, and leaves a mark at each user. */
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
