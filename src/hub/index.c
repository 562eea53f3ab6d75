/* SPDX-License-Identifier: MIT
 * Users, rooms and addresses: tables of them, and of the members of a room. */
#include "hub/index.h"

#include "base/mem.h"
#include "hub/conn.h"
#include "net/network.h"

#include <string.h>

enum { ROOM_CAP_MIN = 4 };

/* --- addresses ---------------------------------------------------------- */

static struct address *ensure_address(struct address **table,
                                      const char *text) {
  struct address *address;
  size_t len = strlen(text);
  HASH_FIND(hh, *table, text, len, address);
  if (!address) {
    address = mem_alloc(sizeof *address + len + 1);
    memcpy(address->text, text, len);
    HASH_ADD_KEYPTR(hh, *table, address->text, len, address);
  }
  return address;
}

static void drop_address(struct address **table, struct address *address) {
  if (--address->count == 0) {
    HASH_DEL(*table, address);
    mem_free(address);
  }
}

struct address *index_count_address(struct address **addresses,
                                    struct address **networks,
                                    const char *text) {
  char network[NETWORK_BYTES];
  struct address *address = ensure_address(addresses, text);
  network_of(text, network);
  address->network = address;
  if (strcmp(network, text) != 0) {
    address->network = ensure_address(networks, network);
    address->network->count++;
  }
  address->count++;
  return address;
}

void index_uncount_address(struct address **addresses,
                           struct address **networks, struct address *address) {
  if (address->network != address)
    drop_address(networks, address->network);
  drop_address(addresses, address);
}

/* --- users -------------------------------------------------------------- */

struct user *index_user(struct user *users, const char *id, size_t len) {
  struct user *user;
  HASH_FIND(hh, users, id, len, user);
  return user;
}

struct user *index_ensure_user(struct user **users, const char *id) {
  size_t len = strlen(id);
  struct user *user = index_user(*users, id, len);
  if (!user) {
    user = mem_alloc(sizeof *user + len + 1);
    memcpy(user->id, id, len);
    list_init(&user->conns);
    HASH_ADD_KEYPTR(hh, *users, user->id, len, user);
  }
  return user;
}

void index_unref_user(struct user **users, struct user *user) {
  if (--user->refs == 0) {
    HASH_DEL(*users, user);
    mem_free(user);
  }
}

/* --- rooms -------------------------------------------------------------- */

struct room *index_add_room(struct room **rooms, const char *name, size_t len) {
  struct room *room = mem_alloc(sizeof *room + len + 1);
  memcpy(room->name, name, len);
  list_init(&room->held);
  HASH_ADD_KEYPTR(hh, *rooms, room->name, len, room);
  return room;
}

void index_unref_room(struct room **rooms, struct room *room) {
  if (--room->refs == 0) {
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is in the table
    HASH_DEL(*rooms, room);
    mem_free(room->members);
    mem_free(room);
  }
}

/* --- their tables ------------------------------------------------------- */

static void move_row(struct room *room, uint32_t from, uint32_t to) {
  struct member row = room->members[from];
  room->members[to] = row;
  row.conn->rooms[row.slot].place = to;
}

void index_take_member(struct room *room, uint32_t place) {
  if (place < room->live) {
    move_row(room, --room->live, place);
    place = room->live;
  }
  if (place < --room->count)
    move_row(room, room->count, place);
}

void index_put_member(struct room *room, struct conn *conn, uint32_t slot) {
  if (room->count == room->cap) {
    room->cap = room->cap ? room->cap * 2 : ROOM_CAP_MIN;
    room->members =
        mem_realloc(room->members, room->cap * sizeof *room->members);
  }
  if (room->live < room->count)
    move_row(room, room->live, room->count);
  conn->rooms[slot] = (struct membership){room, room->live};
  room->members[room->live++] = (struct member){conn, slot};
  room->count++;
}

uint32_t index_slot(const struct conn *conn, const struct room *room) {
  if (room->count < conn->room_count) {
    for (uint32_t i = 0; i < room->count; i++)
      if (room->members[i].conn == conn)
        return room->members[i].slot;
    return conn->room_count;
  }
  uint32_t slot = 0;
  while (slot < conn->room_count && conn->rooms[slot].room != room)
    slot++;
  return slot;
}
