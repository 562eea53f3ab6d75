/* SPDX-License-Identifier: MIT
 * Rooms, users and seats of engine/presence. */
#include "engine/presence_room.h"

#include "base/mem.h"

#include <string.h>
#include <time.h>

enum { LATE_MS = 1000 };

/* --- rooms -------------------------------------------------------------- */

struct presence_room *presence_room_named(struct presence *presence,
                                          const char *name) {
  struct presence_room *room;
  HASH_FIND_STR(presence->rooms, name, room);
  return room;
}

struct presence_room *presence_ensure_room(struct presence *presence,
                                           const char *name,
                                           enum rule_presence how) {
  struct presence_room *room = presence_room_named(presence, name);
  if (room)
    return room;
  size_t len = strlen(name);
  room = mem_alloc(sizeof *room + len + 1);
  memcpy(room->name, name, len);
  room->how = how;
  room->members = mem_alloc((size_t)presence->workers * sizeof(uint32_t));
  list_init(&room->due);
  list_init(&room->changed);
  HASH_ADD_STR(presence->rooms, name, room);
  return room;
}

void presence_drop_room(struct presence *presence, struct presence_room *room) {
  presence->users -= room->there;
  while (room->users)
    presence_drop_user(room->users);
  list_remove(&room->due);
  HASH_DEL(presence->rooms, room);
  mem_free(room->members);
  mem_free(room);
}

/* Nobody is in it, and nobody needs to be told that. */
void presence_drop_if_empty(struct presence *presence,
                            struct presence_room *room) {
  if (!room->users && room->total == 0)
    presence_drop_room(presence, room);
}

/* The worker tells the room's members, a while from now. */
void presence_make_due(struct presence *presence, struct presence_room *room,
                       int worker, uint64_t now_ms) {
  bool waits = list_linked(&room->due);
  if (waits && now_ms < room->due_ms + LATE_MS)
    return;
  if (!waits)
    room->due_ms = now_ms + presence->options.every_ms;
  list_remove(&room->due);
  list_push(&presence->worker[worker].due, &room->due);
}

/* --- users -------------------------------------------------------------- */

struct presence_user *presence_user_named(struct presence_room *room,
                                          const char *id) {
  struct presence_user *user;
  HASH_FIND_STR(room->users, id, user);
  return user;
}

struct presence_user *presence_ensure_user(struct presence_room *room,
                                           const char *id) {
  struct presence_user *user = presence_user_named(room, id);
  if (user)
    return user;
  size_t len = strlen(id);
  user = mem_alloc(sizeof *user + len + 1);
  memcpy(user->id, id, len);
  user->room = room;
  list_init(&user->changed);
  list_init(&user->leaving);
  HASH_ADD_STR(room->users, id, user);
  return user;
}

void presence_drop_user(struct presence_user *user) {
  HASH_DEL(user->room->users, user);
  list_remove(&user->changed);
  list_remove(&user->leaving);
  for (uint32_t i = 0; i < user->count; i++)
    presence_info_unref(user->seats[i].info);
  presence_info_unref(user->info);
  presence_info_unref(user->told_info);
  mem_free(user->seats);
  mem_free(user);
}

/* The user is not as the members of the room were told. */
void presence_note_change(struct presence *presence, struct presence_user *user,
                          int worker, uint64_t now_ms) {
  struct presence_room *room = user->room;
  if (room->how != RULE_PRESENCE || list_linked(&user->changed))
    return;
  list_push(&room->changed, &user->changed);
  presence_make_due(presence, room, worker, now_ms);
}

/* The number of users has changed. */
void presence_note_count(struct presence *presence, struct presence_room *room,
                         int worker, uint64_t now_ms) {
  if (room->how == RULE_PRESENCE_COUNT)
    presence_make_due(presence, room, worker, now_ms);
}

void presence_come(struct presence *presence, struct presence_user *user,
                   int worker, uint64_t now_ms) {
  user->room->there++;
  presence->users++;
  if (!user->told) /* else nobody knows that he was away */
    user->since_s = time(NULL);
  presence_note_count(presence, user->room, worker, now_ms);
}

/* He has no connection there any more, and no grace. */
void presence_vanish(struct presence *presence, struct presence_user *user,
                     int worker, uint64_t now_ms) {
  struct presence_room *room = user->room;
  room->there--;
  presence->users--;
  presence_note_count(presence, room, worker, now_ms);
  if (room->how == RULE_PRESENCE)
    presence_note_change(presence, user, worker, now_ms);
  else
    presence_drop_user(user);
}

/* --- seats -------------------------------------------------------------- */

struct presence_seat *presence_seat_of(const struct presence_user *user,
                                       uint64_t conn) {
  for (uint32_t i = 0; i < user->count; i++)
    if (user->seats[i].conn == conn)
      return &user->seats[i];
  return NULL;
}

/* What is shown of the user: what one of his connections has said last. */
void presence_choose_info(struct presence_user *user) {
  const struct presence_seat *best = NULL;
  struct presence_info *before = user->info;
  for (uint32_t i = 0; i < user->count; i++)
    if (user->seats[i].info && (!best || user->seats[i].said > best->said))
      best = &user->seats[i];
  user->info = best ? presence_info_ref(best->info) : NULL;
  presence_info_unref(before);
}

void presence_take_seat(struct presence *presence, struct presence_user *user,
                        const struct presence_member *member) {
  if (user->count == user->cap) {
    user->cap = user->cap ? user->cap * 2 : 1;
    user->seats = mem_realloc(user->seats, user->cap * sizeof *user->seats);
  }
  user->seats[user->count++] =
      (struct presence_seat){.conn = member->conn,
                             .info = presence_info_ref(member->info),
                             .said = ++presence->clock,
                             .devices = 1};
  presence_choose_info(user);
}

void presence_give_seat_up(struct presence_user *user,
                           struct presence_seat *seat) {
  presence_info_unref(seat->info);
  *seat = user->seats[--user->count];
  if (user->count > 0) /* else it is shown until he has vanished */
    presence_choose_info(user);
}
