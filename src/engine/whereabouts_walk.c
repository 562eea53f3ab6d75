/* SPDX-License-Identifier: MIT
 * All of the whereabouts: lists of users, rooms and members, one connection out
 * of all, the rooms of a user.
 *
 * There may be a hundred thousand rooms, and every worker waits for the lock
 * when a client joins one. So nobody holds it for all of them: tables are
 * walked over in pieces (base/hash_walk), and the lock is free in between. */
#include "engine/whereabouts_tables.h"

#include "base/hash_walk.h"
#include "base/mem.h"

#include <string.h>

static const UT_hash_table *users_of(const struct whereabouts *whereabouts) {
  return whereabouts->users ? whereabouts->users->hh.tbl : NULL;
}

static const UT_hash_table *rooms_of(const struct whereabouts *whereabouts) {
  return whereabouts->rooms ? whereabouts->rooms->hh.tbl : NULL;
}

/* --- names -------------------------------------------------------------- */

struct teller {
  whereabouts_text_fn *each;
  void *arg;
};

static void tell_user_id(void *arg, void *object) {
  const struct teller *teller = arg;
  teller->each(teller->arg, ((const struct dir_user *)object)->id);
}

static void tell_room_name(void *arg, void *object) {
  const struct teller *teller = arg;
  teller->each(teller->arg, ((const struct dir_room *)object)->name);
}

static void tell_member(void *arg, void *object) {
  const struct teller *teller = arg;
  const struct dir_member *member = object;
  if (*member->user)
    teller->each(teller->arg, member->user);
}

void whereabouts_each_user(struct whereabouts *whereabouts,
                           whereabouts_text_fn *each, void *arg) {
  struct teller teller = {each, arg};
  struct hash_walk walk = {0};
  while (!walk.over) {
    uv_mutex_lock(&whereabouts->lock);
    hash_walk(&walk, users_of(whereabouts), tell_user_id, &teller);
    uv_mutex_unlock(&whereabouts->lock);
  }
}

void whereabouts_each_room(struct whereabouts *whereabouts,
                           whereabouts_text_fn *each, void *arg) {
  struct teller teller = {each, arg};
  struct hash_walk walk = {0};
  while (!walk.over) {
    uv_mutex_lock(&whereabouts->lock);
    hash_walk(&walk, rooms_of(whereabouts), tell_room_name, &teller);
    uv_mutex_unlock(&whereabouts->lock);
  }
}

void whereabouts_each_member(struct whereabouts *whereabouts, const char *room,
                             size_t len, whereabouts_text_fn *each, void *arg) {
  struct teller teller = {each, arg};
  struct hash_walk walk = {0};
  while (!walk.over) {
    struct dir_room *found;
    uv_mutex_lock(&whereabouts->lock);
    HASH_FIND(hh, whereabouts->rooms, room, len, found);
    hash_walk(&walk, found ? found->members->hh.tbl : NULL, tell_member,
              &teller);
    uv_mutex_unlock(&whereabouts->lock);
  }
}

struct whereabouts_totals
whereabouts_count_all(struct whereabouts *whereabouts) {
  uv_mutex_lock(&whereabouts->lock);
  struct whereabouts_totals totals = {HASH_COUNT(whereabouts->users),
                                      HASH_COUNT(whereabouts->rooms)};
  uv_mutex_unlock(&whereabouts->lock);
  return totals;
}

/* --- one connection ----------------------------------------------------- */

struct wanted {
  uint64_t conn;
  int worker; /* -1: not found yet */
  char *user; /* a copy */
};

static void look_for_conn(void *arg, void *object) {
  struct wanted *wanted = arg;
  const struct dir_login *login = dir_find_login(object, wanted->conn);
  if (!login)
    return;
  wanted->worker = login->conn.worker;
  mem_free(wanted->user);
  wanted->user = mem_strdup(login->conn.user);
}

static void find_conn(struct whereabouts *whereabouts, struct wanted *wanted) {
  struct hash_walk walk = {0};
  while (!walk.over && wanted->worker < 0) {
    uv_mutex_lock(&whereabouts->lock);
    hash_walk(&walk, users_of(whereabouts), look_for_conn, wanted);
    uv_mutex_unlock(&whereabouts->lock);
  }
}

int whereabouts_worker_of(struct whereabouts *whereabouts, uint64_t conn) {
  struct wanted wanted = {conn, -1, NULL};
  find_conn(whereabouts, &wanted);
  mem_free(wanted.user);
  return wanted.worker;
}

char *whereabouts_owner_of(struct whereabouts *whereabouts, uint64_t conn) {
  struct wanted wanted = {conn, -1, NULL};
  find_conn(whereabouts, &wanted);
  return wanted.user;
}

/* --- devices ------------------------------------------------------------ */

/* A room of the user, with his connections in it. */
struct user_room {
  char *name;
  uint64_t *conns;
  uint32_t count;
};

struct user_rooms {
  const char *user;
  size_t len;
  struct user_room *rooms;
  size_t count, cap;
};

static void note_user_room(void *arg, void *object) {
  struct user_rooms *found = arg;
  const struct dir_room *room = object;
  struct dir_member *member;
  HASH_FIND(hh, room->members, found->user, found->len, member);
  if (!member || !*member->user)
    return;
  if (found->count == found->cap) {
    found->cap = found->cap ? found->cap * 2 : 8;
    found->rooms = mem_realloc(found->rooms, found->cap * sizeof *found->rooms);
  }
  struct user_room *noted = &found->rooms[found->count++];
  *noted = (struct user_room){mem_strdup(room->name),
                              mem_alloc(member->count * sizeof(uint64_t)),
                              member->count};
  memcpy(noted->conns, member->conns, member->count * sizeof(uint64_t));
}

static bool has_seat(const struct user_room *room, uint64_t conn) {
  for (uint32_t i = 0; i < room->count; i++)
    if (room->conns[i] == conn)
      return true;
  return false;
}

static void tell_device(const struct whereabouts_conn *conn,
                        const struct user_rooms *found,
                        whereabouts_conn_fn *each, void *arg) {
  struct whereabouts_conn device = *conn;
  const char **names = mem_alloc((found->count + 1) * sizeof *names);
  for (size_t i = 0; i < found->count; i++)
    if (has_seat(&found->rooms[i], conn->id))
      names[device.room_count++] = found->rooms[i].name;
  device.rooms = names;
  each(arg, &device);
  mem_free(names);
}

static void find_user_rooms(struct whereabouts *whereabouts,
                            struct user_rooms *found) {
  struct hash_walk walk = {0};
  while (!walk.over) {
    uv_mutex_lock(&whereabouts->lock);
    hash_walk(&walk, rooms_of(whereabouts), note_user_room, found);
    uv_mutex_unlock(&whereabouts->lock);
  }
}

void whereabouts_each_device(struct whereabouts *whereabouts, const char *user,
                             size_t len, whereabouts_conn_fn *each, void *arg) {
  struct user_rooms rooms = {.user = user, .len = len};
  struct dir_user *found;
  find_user_rooms(whereabouts, &rooms);
  uv_mutex_lock(&whereabouts->lock);
  HASH_FIND(hh, whereabouts->users, user, len, found);
  if (found)
    LIST_FOREACH (it, &found->conns)
      tell_device(&container_of(it, struct dir_login, node)->conn, &rooms, each,
                  arg);
  uv_mutex_unlock(&whereabouts->lock);
  for (size_t i = 0; i < rooms.count; i++) {
    mem_free(rooms.rooms[i].name);
    mem_free(rooms.rooms[i].conns);
  }
  mem_free(rooms.rooms);
}
