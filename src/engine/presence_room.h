/* SPDX-License-Identifier: MIT
 * What engine/presence keeps of a room, and what its members are told of it.
 * For that file alone, and its tests. */
#ifndef ENGINE_PRESENCE_ROOM_H
#define ENGINE_PRESENCE_ROOM_H

#include "base/hash.h"
#include "base/list.h"
#include "engine/presence.h"

#include <stdatomic.h>
#include <uv.h>

struct presence_info {
  atomic_uint refs;
  size_t len;
  char json[];
};

/* A connection of a user in a room. */
struct presence_seat {
  uint64_t conn;
  struct presence_info *info; /* what it says of itself, held; or NULL */
  uint64_t said;    /* when, by presence->clock: what was said last is shown */
  uint32_t devices; /* 1; more only on another machine, whose key `conn` is */
  bool far;         /* it is on another machine */
  bool stale;       /* and has not been heard of again */
};

/* A user in a room, or one who has left it and must be told of. */
struct presence_user {
  UT_hash_handle hh;
  struct list changed; /* in room->changed: he may not be as he was told */
  struct list leaving; /* in presence_worker: without a connection, and there
                        * until leave_ms */
  struct presence_room *room;
  struct presence_seat *seats;
  uint32_t count, cap;        /* of seats */
  struct presence_info *info; /* of one of these, held; or NULL */
  int64_t since_s;
  uint64_t leave_ms;

  /* What the members were told of him. */
  bool told;   /* that he is there */
  bool misled; /* somebody got a list that shows him otherwise */
  uint32_t told_devices;
  struct presence_info *told_info;

  char id[];
};

struct presence_room {
  UT_hash_handle hh;
  enum rule_presence how;
  struct presence_user *users;
  uint32_t there;    /* how many of these are there */
  uint32_t *members; /* connections that are told, by worker */
  uint32_t total;    /* of these */

  /* What its members do not know. */
  struct list due;     /* in presence_worker: who tells them, at due_ms */
  struct list changed; /* users, in the order in which they changed */
  uint64_t due_ms;
  uint32_t told_count; /* with `count` */
  bool misled;         /* somebody got another number since */
  char name[];
};

/* What a worker does later. */
struct presence_worker {
  struct list due;     /* rooms, by due_ms */
  struct list leaving; /* users, by leave_ms */
};

struct presence {
  uv_mutex_t lock;
  struct bus *bus;
  int workers;
  struct presence_options options;
  struct presence_worker *worker; /* each */
  struct presence_room *rooms;
  uint64_t users;             /* that are there, in all rooms together */
  uint64_t clock;             /* grows with what seats say */
  presence_watch_fn *watcher; /* NULL: there are no other machines */
  void *watcher_arg;
  struct presence_stats counted;
  struct buf joined, left, changed, text; /* where messages are written */
};

/* Whether the user counts as being in the room. */
static inline bool presence_is_there(const struct presence_user *user) {
  return user->count > 0 || list_linked(&user->leaving);
}

/* How many devices he is shown with. Who vanished a moment ago, and counts as
 * being there, has the one that he comes back with. */
static inline uint32_t presence_devices(const struct presence_user *user) {
  uint32_t devices = 0;
  for (uint32_t i = 0; i < user->count; i++)
    devices += user->seats[i].devices;
  return devices > 0 ? devices : 1;
}

/* The room, or NULL. */
struct presence_room *presence_room_named(struct presence *presence,
                                          const char *name);

/* The room; makes it if there is none. */
struct presence_room *presence_ensure_room(struct presence *presence,
                                           const char *name,
                                           enum rule_presence how);

/* Forgets all about it. */
void presence_drop_room(struct presence *presence, struct presence_room *room);

/* Frees the room if nobody is in it, and nobody needs to be told that. */
void presence_drop_if_empty(struct presence *presence,
                            struct presence_room *room);

/* The worker tells the members of the room, a while from now. */
void presence_make_due(struct presence *presence, struct presence_room *room,
                       int worker, uint64_t now_ms);

/* The user in that room, or NULL. */
struct presence_user *presence_user_named(struct presence_room *room,
                                          const char *id);

/* The user; makes him if there is none. */
struct presence_user *presence_ensure_user(struct presence_room *room,
                                           const char *id);

/* The user is not as the members of the room were told. */
void presence_note_change(struct presence *presence, struct presence_user *user,
                          int worker, uint64_t now_ms);

/* The number of users has changed. */
void presence_note_count(struct presence *presence, struct presence_room *room,
                         int worker, uint64_t now_ms);

/* He was not there, and gets a seat. */
void presence_come(struct presence *presence, struct presence_user *user,
                   int worker, uint64_t now_ms);

/* He has no connection there any more, and no grace. He may be freed. */
void presence_vanish(struct presence *presence, struct presence_user *user,
                     int worker, uint64_t now_ms);

/* The seat of a connection or, on another machine, of that; or NULL. */
struct presence_seat *presence_seat_of(const struct presence_user *user,
                                       uint64_t conn);

/* What is shown of him is what one of his connections has said last. */
void presence_choose_info(struct presence_user *user);

/* One seat more, and one less. */
void presence_take_seat(struct presence *presence, struct presence_user *user,
                        const struct presence_member *member);
void presence_give_seat_up(struct presence_user *user,
                           struct presence_seat *seat);

/* Tells other machines what the user has here. */
void presence_tell_others(const struct presence *presence,
                          const struct presence_user *user);

/* Takes the user, who is not there, out of the room. */
void presence_drop_user(struct presence_user *user);

/* Makes the message of what the members do not know, or of a part of it if that
 * is much: the rest stays in room->changed. NULL if there is nothing to tell.
 * They count as told. */
struct frame *presence_compose(struct presence *presence,
                               struct presence_room *room);

/* presence_put_list and presence_put_users of a room; of none, that is NULL,
 * the second one is empty. */
void presence_write_list(struct presence *presence, struct presence_room *room,
                         struct buf *out);
void presence_write_users(const struct presence_room *room, struct buf *out);

/* What presence_put_some appends. */
void presence_write_some(const struct presence_room *room, char *const *names,
                         size_t count, struct buf *out);

#endif
