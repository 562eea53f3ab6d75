/* SPDX-License-Identifier: MIT
 * The connection manager. */
#include "hub/manager.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "hub/declared.h"
#include "hub/held.h"
#include "hub/tell.h"

#include <stdlib.h>
#include <string.h>

enum { CONN_ROOMS_MIN = 2 };

/* --- users -------------------------------------------------------------- */

struct user *manager_user(const struct manager *manager, const char *id,
                          size_t len) {
  return index_user(manager->users, id, len);
}

/* --- rooms -------------------------------------------------------------- */

struct room *manager_room(const struct manager *manager, const char *name,
                          size_t len) {
  struct room *room;
  HASH_FIND(hh, manager->rooms, name, len, room);
  return room;
}

static struct room *ensure_room(struct manager *manager, const char *name,
                                size_t len) {
  struct room *room = manager_room(manager, name, len);
  if (!room) {
    room = index_add_room(&manager->rooms, name, len);
    room->rule = rules_find(manager->rules, name, len);
  }
  return room;
}

/* Its first member is about to come. */
static void begin_room(struct manager *manager, struct room *room) {
  if (manager->others)
    engine_follow(manager->others, BUS_ROOM, room->name, room->hh.keylen);
  if (room->rule)
    declared_enter(manager, room);
  if (manager->events && !manager->bus)
    tell_of_room(manager->events, room->name, true);
}

/* Its last member has gone. */
static void end_room(struct manager *manager, struct room *room) {
  if (room->inside)
    declared_exit(manager, room);
  if (manager->others)
    engine_unfollow(manager->others, BUS_ROOM, room->name, room->hh.keylen);
  if (manager->events && !manager->bus)
    tell_of_room(manager->events, room->name, false);
}

static void put_into_room(struct manager *manager, struct room *room,
                          struct conn *conn, uint32_t slot) {
  if (room->count == 0)
    begin_room(manager, room);
  index_put_member(room, conn, slot);
}

static void take_out_of_room(struct manager *manager, struct room *room,
                             uint32_t place) {
  index_take_member(room, place);
  if (room->count == 0)
    end_room(manager, room);
}

struct membership *manager_membership(const struct conn *conn,
                                      const struct room *room) {
  uint32_t slot = index_slot(conn, room);
  return slot < conn->room_count ? &conn->rooms[slot] : NULL;
}

bool manager_is_member(const struct conn *conn, const struct room *room) {
  return conn_is_open(conn) && index_slot(conn, room) < conn->room_count;
}

uint32_t manager_room_users(struct manager *manager, const struct room *room) {
  uint32_t users = 0;
  manager->counts++;
  for (uint32_t i = 0; i < room->count; i++) {
    struct user *user = room->members[i].conn->user;
    if (!user || user->counted == manager->counts)
      continue;
    user->counted = manager->counts;
    users++;
  }
  return users;
}

bool manager_room_name_ok(const char *name, size_t len) {
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
      return false;
  return len > 0 && len <= ROOM_NAME_BYTES;
}

/* Who is a member, for whereabouts: nobody has the empty name. */
static const char *whereabouts_name(const struct conn *conn) {
  return conn->user ? conn->user->id : "";
}

int manager_join(struct manager *manager, struct conn *conn, const char *name,
                 size_t len) {
  if (!conn_is_let_in(conn))
    return conn->state == CONN_NEW ? ERR_UNAUTHENTICATED : ERR_CLOSED;
  struct room *room = manager_room(manager, name, len);
  if (room && manager_is_member(conn, room))
    return 0;
  uint32_t limit = manager->limits.rooms_per_connection;
  if (limit && conn->room_count >= limit)
    return ERR_LIMIT_EXCEEDED;
  if (conn->room_count == conn->room_cap) {
    conn->room_cap = conn->room_cap ? conn->room_cap * 2 : CONN_ROOMS_MIN;
    conn->rooms =
        mem_realloc(conn->rooms, conn->room_cap * sizeof *conn->rooms);
  }
  room = ensure_room(manager, name, len);
  room->refs++;
  put_into_room(manager, room, conn, conn->room_count++);
  if (manager->bus)
    whereabouts_join(manager->bus->whereabouts, manager->worker, conn->id,
                     whereabouts_name(conn), room->name);
  if (roster_has(room))
    roster_enter(conn, room);
  if (room->behind) /* no letters come to the new one, either */
    manager->on_gap(room);
  return 0;
}

int manager_leave(struct manager *manager, struct conn *conn, const char *name,
                  size_t len) {
  struct room *room = manager_room(manager, name, len);
  if (!room || !manager_is_member(conn, room))
    return ERR_NOT_FOUND;
  uint32_t slot = index_slot(conn, room);
  struct held *held = held_find(conn, room);
  if (manager->bus)
    whereabouts_leave(manager->bus->whereabouts, manager->worker, conn->id,
                      whereabouts_name(conn), room->name);
  if (roster_has(room))
    roster_leave(conn, room);
  take_out_of_room(manager, room, conn->rooms[slot].place);
  uint32_t last = --conn->room_count;
  if (slot != last) {
    struct membership moved = conn->rooms[last];
    conn->rooms[slot] = moved;
    moved.room->members[moved.place].slot = slot;
  }
  if (held) /* may close the connection */
    held_leave(held);
  index_unref_room(&manager->rooms, room);
  return 0;
}

/* --- connections -------------------------------------------------------- */

struct conn *manager_conn(const struct manager *manager, uint64_t id) {
  struct conn *conn;
  HASH_FIND(hh, manager->by_id, &id, sizeof id, conn);
  return conn;
}

/* Numbers that no other worker gives. */
static uint64_t next_id(struct manager *manager) {
  uint64_t n = manager->last_id++;
  if (!manager->bus)
    return n + 1;
  return n * (uint64_t)manager->bus->workers + (uint64_t)manager->worker + 1;
}

int manager_add(struct manager *manager, struct conn *conn,
                const char *address) {
  const struct manager_limits *limits = &manager->limits;
  conn->id = next_id(manager);
  conn->slot = slots_take(&manager->slots);
  HASH_ADD(hh, manager->by_id, id, sizeof conn->id, conn);
  list_push(&manager->conns, &conn->node);
  manager->count++;
  manager->alive++;
  manager->owner.stats->connections_opened++;
  conn->address =
      index_count_address(&manager->addresses, &manager->networks, address);
  if (manager->bus)
    return whereabouts_connect(manager->bus->whereabouts,
                               conn->address->network->text,
                               limits->connections, limits->per_address);
  const struct address *network = conn->address->network;
  bool many =
      limits->connections &&
      manager->count - manager->owner.replays.parked > limits->connections;
  bool crowd = limits->per_address &&
               network->count - network->away > limits->per_address;
  if (crowd)
    return ERR_LIMIT_EXCEEDED;
  return many ? ERR_OVERLOADED : 0;
}

static struct whereabouts_conn whereabouts_entry(const struct manager *manager,
                                                 const struct conn *conn,
                                                 const struct user *user) {
  return (struct whereabouts_conn){.id = conn->id,
                                   .worker = manager->worker,
                                   .user = user->id,
                                   .address = conn->address->text,
                                   .claims = conn->claims,
                                   .raw = conn->raw,
                                   .away = conn->state == CONN_AWAY,
                                   .opened_s = conn->opened_s};
}

/* Whether the user may have one more; in whereabouts it has it then. */
static int claim_login(const struct manager *manager, const struct conn *conn,
                       const struct user *user, uint32_t elsewhere) {
  uint32_t limit = manager->limits.per_user;
  if (limit && elsewhere >= limit)
    return ERR_LIMIT_EXCEEDED;
  if (limit)
    limit -= elsewhere;
  struct whereabouts_conn entry = whereabouts_entry(manager, conn, user);
  if (manager->bus)
    return whereabouts_login(manager->bus->whereabouts, &entry, limit);
  return limit && user->count >= limit ? ERR_LIMIT_EXCEEDED : 0;
}

/* Tells of a user whose number of connections is 1 and was 0, or vice versa. */
static void tell_user_turned(struct manager *manager, const struct user *user) {
  if (manager->others && user->count > 0)
    engine_follow(manager->others, BUS_USER, user->id, user->hh.keylen);
  else if (manager->others)
    engine_unfollow(manager->others, BUS_USER, user->id, user->hh.keylen);
  if (manager->user_turned)
    manager->user_turned(manager, user->id, user->count > 0);
  if (manager->events && !manager->bus)
    tell_of_user(manager->events, user->id, user->count > 0);
}

int manager_login(struct manager *manager, struct conn *conn, const char *id,
                  uint32_t elsewhere) {
  struct user *user = index_ensure_user(&manager->users, id);
  user->refs++;
  if (claim_login(manager, conn, user, elsewhere)) {
    index_unref_user(&manager->users, user);
    return ERR_LIMIT_EXCEEDED;
  }
  list_push(&user->conns, &conn->user_node);
  if (++user->count == 1)
    tell_user_turned(manager, user);
  conn->user = user;
  conn_ready(conn);
  tell_connected(conn);
  return 0;
}

void manager_tell_changed(const struct conn *conn) {
  const struct manager *manager = manager_of(conn);
  if (!manager->bus || !conn->user)
    return;
  struct whereabouts_conn entry = whereabouts_entry(manager, conn, conn->user);
  whereabouts_change(manager->bus->whereabouts, &entry);
}

static void leave_whereabouts(const struct manager *manager,
                              const struct conn *conn) {
  struct whereabouts *whereabouts = manager->bus->whereabouts;
  for (uint32_t i = 0; i < conn->room_count; i++)
    whereabouts_leave(whereabouts, manager->worker, conn->id,
                      whereabouts_name(conn), conn->rooms[i].room->name);
  if (conn->user)
    whereabouts_logout(whereabouts, conn->user->id, conn->id);
}

void manager_uncount(struct conn *conn) {
  const struct manager *manager = manager_of(conn);
  struct address *network = conn->address->network;
  conn->uncounted = true;
  network->away++;
  if (manager->bus)
    whereabouts_disconnect(manager->bus->whereabouts, network->text);
}

void manager_count_again(struct conn *conn) {
  const struct manager *manager = manager_of(conn);
  struct address *network = conn->address->network;
  conn->uncounted = false;
  network->away--;
  if (manager->bus &&
      whereabouts_connect(manager->bus->whereabouts, network->text, 0, 0))
    log_fatal("conn=%llu a limit that there is not",
              (unsigned long long)conn->id);
}

void manager_park(struct manager *manager, struct conn *conn) {
  list_push(&manager->away, &conn->replay->away->node);
  manager->owner.replays.parked++;
  manager_uncount(conn);
  manager_tell_changed(conn);
}

static void end_parking(struct manager *manager, const struct conn *conn) {
  if (!conn->replay || !conn->replay->away ||
      !list_linked(&conn->replay->away->node))
    return;
  list_remove(&conn->replay->away->node);
  manager->owner.replays.parked--;
}

void manager_unpark(struct manager *manager, struct conn *conn,
                    struct conn *from) {
  struct address *address = conn->address;
  bool uncounted = conn->uncounted;
  end_parking(manager, conn);
  conn->address = from->address;
  conn->uncounted = from->uncounted;
  from->address = address;
  from->uncounted = uncounted;
}

void manager_add_unknown(struct manager *manager, struct conn *conn) {
  conn->slot = slots_take(&manager->slots);
  manager->alive++;
}

/* Out of every index, into the list `gone`. */
static void take_conn_out(struct conn *conn) {
  struct manager *manager = manager_of(conn);
  HASH_DEL(manager->by_id, conn);
  list_remove(&conn->node);
  list_push(&manager->gone, &conn->node);
  end_parking(manager, conn);
  manager->count--;
  manager->owner.stats->connections_closed++;
  tell_disconnected(conn);
  if (manager->bus)
    leave_whereabouts(manager, conn);
  if (conn->user) {
    list_remove(&conn->user_node);
    if (--conn->user->count == 0)
      tell_user_turned(manager, conn->user);
  }
  LIST_FOREACH_SAFE (it, &conn->held)
    held_leave(container_of(it, struct held, in_conn));
  for (uint32_t i = 0; i < conn->room_count; i++) {
    if (roster_has(conn->rooms[i].room))
      roster_leave(conn, conn->rooms[i].room);
    take_out_of_room(manager, conn->rooms[i].room, conn->rooms[i].place);
  }
}

/* Frees the connection if both socket and farewell are over. */
static void release_conn(struct conn *conn) {
  struct manager *manager = manager_of(conn);
  if (conn->state != CONN_CLOSED || list_linked(&conn->node))
    return;
  manager->alive--;
  slots_give(&manager->slots, conn->slot);
  manager->free_conn(conn);
}

void manager_farewell(struct manager *manager, struct conn *conn) {
  list_remove(&conn->node);
  if (conn->uncounted)
    conn->address->network->away--;
  else if (manager->bus)
    whereabouts_disconnect(manager->bus->whereabouts,
                           conn->address->network->text);
  index_uncount_address(&manager->addresses, &manager->networks, conn->address);
  for (uint32_t i = 0; i < conn->room_count; i++)
    index_unref_room(&manager->rooms, conn->rooms[i].room);
  conn->room_count = 0;
  if (conn->user)
    index_unref_user(&manager->users, conn->user);
  conn->user = NULL;
  release_conn(conn);
}

/* --- the manager itself ------------------------------------------------- */

void manager_init(struct manager *manager, uv_loop_t *loop, struct stats *stats,
                  void (*free_conn)(struct conn *conn)) {
  *manager = (struct manager){.owner = {.loop = loop,
                                        .stats = stats,
                                        .closed = take_conn_out,
                                        .gone = release_conn},
                              .free_conn = free_conn};
  list_init(&manager->conns);
  list_init(&manager->gone);
  list_init(&manager->lingering);
  list_init(&manager->away);
  backlog_init(&manager->owner.backlog, 0);
}

void manager_set_limits(struct manager *manager, struct manager_limits limits) {
  manager->limits = limits;
  manager->owner.queue_bytes = limits.queue_bytes;
  manager->owner.backlog.limit = limits.backlog_bytes;
  manager->owner.replays.each = limits.replay_bytes;
  manager->owner.replays.limit = limits.replays_bytes;
}

void manager_connect_bus(struct manager *manager, struct bus *bus, int worker) {
  manager->bus = bus;
  manager->worker = worker;
}

void manager_connect_engine(struct manager *manager, struct engine *engine) {
  manager->engine = engine;
  manager->others = engine_is_shared(engine) ? engine : NULL;
}

void manager_free(struct manager *manager) {
  if (manager->by_id || manager->users || manager->rooms ||
      manager->addresses || manager->networks)
    abort(); /* a connection that is still there would use them */
  slots_free(&manager->slots);
}
