/* SPDX-License-Identifier: MIT
 * What whereabouts keep, for the files that look at it: engine/whereabouts,
 * which changes it, and engine/whereabouts_walk, which tells all of it. */
#ifndef ENGINE_WHEREABOUTS_TABLES_H
#define ENGINE_WHEREABOUTS_TABLES_H

#include "base/hash.h"
#include "base/list.h"
#include "engine/whereabouts.h"

#include <uv.h>

struct dir_login { /* a connection of a user */
  struct list node;
  struct whereabouts_conn conn;
};

struct dir_user {
  UT_hash_handle hh;
  struct list conns;
  uint32_t count;
  char id[];
};

/* A user in a room, with these connections. Those without a user are only
 * counted: nobody asks for one of them, and they may be many. */
struct dir_member {
  UT_hash_handle hh;
  uint64_t *conns;
  uint32_t count, cap;
  char user[];
};

struct dir_room {
  UT_hash_handle hh;
  struct dir_member *members;
  uint32_t total;
  uint32_t *counts; /* by worker */
  char name[];
};

struct dir_address {
  UT_hash_handle hh;
  uint32_t count;
  char text[];
};

struct whereabouts {
  uv_mutex_t lock;
  int workers;
  uint32_t connections;
  uint32_t *logged_in; /* by worker */
  bool *listens;       /* by worker */
  int listeners;
  whereabouts_user_fn *watcher;
  void *watcher_arg;
  whereabouts_turned_fn *user_turned, *room_turned; /* NULL: nobody hears */
  void *turned_arg;
  whereabouts_census_fn *census; /* NULL: there are no other machines */
  void *census_arg;
  struct dir_user *users;
  struct dir_room *rooms;
  struct dir_address *addresses;
};

/* NULL: the user has no such connection. */
static inline struct dir_login *dir_find_login(const struct dir_user *user,
                                               uint64_t id) {
  LIST_FOREACH (it, &user->conns) {
    struct dir_login *login = container_of(it, struct dir_login, node);
    if (login->conn.id == id)
      return login;
  }
  return NULL;
}

/* The place of the connection in member->conns, or member->count. */
static inline uint32_t dir_seat_of(const struct dir_member *member,
                                   uint64_t conn) {
  uint32_t i = 0;
  while (i < member->count && member->conns[i] != conn)
    i++;
  return i;
}

#endif
