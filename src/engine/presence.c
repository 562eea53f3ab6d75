/* SPDX-License-Identifier: MIT
 * Who is in a room.
 *
 * One lock guards all of it, as in engine/whereabouts, and for the same reasons
 * that is enough: little happens under it, and only rooms that want it come
 * here.
 *
 * A room whose members do not know something is due: it stands in the list of
 * one worker, that of the first change, which makes the message every_ms later.
 * Should that worker be held up, another one that sees a change LATE_MS after
 * that takes the room over. Messages are posted under the lock, also to the
 * worker that makes them. So all workers get the messages of a room in the
 * order in which they were made, whoever makes them.
 *
 * A message must not be lost on its way: members would believe for ever in
 * somebody who is gone. So it is made only when every worker that has members
 * takes it. Else all of them wait for the next time; what changes meanwhile
 * adds to the same few bytes for each user.
 *
 * A user without a connection may count as being there for a while (grace).
 * He stands in the list `leaving` of the worker that saw the last one go. */
#include "engine/presence_room.h"

#include "base/mem.h"

#include <string.h>
#include <time.h>

enum { LATE_MS = 1000 };

/* --- infos -------------------------------------------------------------- */

struct presence_info *presence_info_new(const char *json, size_t len) {
  struct presence_info *info = mem_alloc_raw(sizeof *info + len);
  atomic_init(&info->refs, 1);
  info->len = len;
  memcpy(info->json, json, len);
  return info;
}

struct presence_info *presence_info_ref(struct presence_info *info) {
  if (info)
    atomic_fetch_add_explicit(&info->refs, 1, memory_order_relaxed);
  return info;
}

void presence_info_unref(struct presence_info *info) {
  if (info &&
      atomic_fetch_sub_explicit(&info->refs, 1, memory_order_acq_rel) == 1)
    mem_free(info);
}

/* --- members ------------------------------------------------------------ */

static void count_member(struct presence_room *room, int worker, int by) {
  room->members[worker] += (uint32_t)by;
  room->total += (uint32_t)by;
}

static void enter_user(struct presence *presence, struct presence_room *room,
                       const struct presence_member *member, uint64_t now_ms) {
  struct presence_user *user = presence_ensure_user(room, member->user);
  if (presence_seat_of(user, member->conn))
    return;
  count_member(room, member->worker, 1);
  if (!presence_is_there(user))
    presence_come(presence, user, member->worker, now_ms);
  list_remove(&user->leaving);
  presence_take_seat(presence, user, member);
  presence_note_change(presence, user, member->worker, now_ms);
  presence_tell_others(presence, user);
}

void presence_enter(struct presence *presence,
                    const struct presence_member *member, uint64_t now_ms) {
  uv_mutex_lock(&presence->lock);
  struct presence_room *room =
      presence_ensure_room(presence, member->room, member->how);
  if (member->user)
    enter_user(presence, room, member, now_ms);
  else
    count_member(room, member->worker, 1);
  uv_mutex_unlock(&presence->lock);
}

static void leave_user(struct presence *presence, struct presence_user *user,
                       int worker, uint64_t grace_ms, uint64_t now_ms) {
  if (user->count > 0) {
    presence_note_change(presence, user, worker, now_ms);
    presence_tell_others(presence, user);
  } else if (grace_ms > 0) {
    user->leave_ms = now_ms + grace_ms;
    list_push(&presence->worker[worker].leaving, &user->leaving);
    presence_tell_others(presence, user);
  } else {
    presence_tell_others(presence, user);
    presence_vanish(presence, user, worker, now_ms);
  }
}

void presence_leave(struct presence *presence,
                    const struct presence_member *member, uint64_t grace_ms,
                    uint64_t now_ms) {
  uv_mutex_lock(&presence->lock);
  struct presence_room *room = presence_room_named(presence, member->room);
  struct presence_user *user = NULL;
  struct presence_seat *seat = NULL;
  if (room && member->user)
    user = presence_user_named(room, member->user);
  if (user)
    seat = presence_seat_of(user, member->conn);
  if (room && (seat || !member->user)) {
    count_member(room, member->worker, -1);
    if (seat) {
      presence_give_seat_up(user, seat);
      leave_user(presence, user, member->worker, grace_ms, now_ms);
    }
    presence_drop_if_empty(presence, room);
  }
  uv_mutex_unlock(&presence->lock);
}

void presence_tell(struct presence *presence,
                   const struct presence_member *member, uint64_t now_ms) {
  uv_mutex_lock(&presence->lock);
  struct presence_room *room = presence_room_named(presence, member->room);
  struct presence_user *user =
      room ? presence_user_named(room, member->user) : NULL;
  struct presence_seat *seat =
      user ? presence_seat_of(user, member->conn) : NULL;
  if (seat) {
    presence_info_unref(seat->info);
    seat->info = presence_info_ref(member->info);
    seat->said = ++presence->clock;
    presence_choose_info(user);
    presence_note_change(presence, user, member->worker, now_ms);
    presence_tell_others(presence, user);
  }
  uv_mutex_unlock(&presence->lock);
}

/* --- rules -------------------------------------------------------------- */

/* From a number to a list, all users are news; the other way round, nobody is
 * known by name any more. */
static void change_room(struct presence *presence, struct presence_room *room,
                        enum rule_presence how, int worker, uint64_t now_ms) {
  struct presence_user *user = NULL, *next = NULL;
  room->how = how;
  HASH_ITER (hh, room->users, user, next) {
    list_remove(&user->changed);
    user->told = false;
    if (presence_is_there(user))
      presence_note_change(presence, user, worker, now_ms);
    else
      presence_drop_user(user);
  }
  room->told_count = UINT32_MAX;
  presence_note_count(presence, room, worker, now_ms);
}

/* Who was told of is told of again, in any case: see presence_told. */
static void tell_all(struct presence *presence, struct presence_room *room,
                     int worker, uint64_t now_ms) {
  struct presence_user *user = NULL, *next = NULL;
  HASH_ITER (hh, room->users, user, next) {
    if (!user->told)
      continue;
    presence_note_change(presence, user, worker, now_ms);
    user->told = !presence_is_there(user);
    user->misled = true;
  }
  room->told_count = UINT32_MAX;
  presence_note_count(presence, room, worker, now_ms);
}

void presence_tell_all(struct presence *presence, const char *name, int worker,
                       uint64_t now_ms) {
  uv_mutex_lock(&presence->lock);
  struct presence_room *room = presence_room_named(presence, name);
  if (room)
    tell_all(presence, room, worker, now_ms);
  uv_mutex_unlock(&presence->lock);
}

void presence_change(struct presence *presence, const char *name,
                     enum rule_presence how, int worker, uint64_t now_ms) {
  uv_mutex_lock(&presence->lock);
  struct presence_room *room = presence_room_named(presence, name);
  if (room && room->how != how)
    change_room(presence, room, how, worker, now_ms);
  uv_mutex_unlock(&presence->lock);
}

void presence_forget(struct presence *presence, const char *name) {
  uv_mutex_lock(&presence->lock);
  struct presence_room *room = presence_room_named(presence, name);
  if (room)
    presence_drop_room(presence, room);
  uv_mutex_unlock(&presence->lock);
}

/* --- what is due -------------------------------------------------------- */

static struct presence_room *first_due(const struct presence_worker *worker) {
  return list_empty(&worker->due)
             ? NULL
             : container_of(worker->due.next, struct presence_room, due);
}

static struct presence_user *
first_leaving(const struct presence_worker *worker) {
  return list_empty(&worker->leaving)
             ? NULL
             : container_of(worker->leaving.next, struct presence_user,
                            leaving);
}

uint64_t presence_due(struct presence *presence, int worker) {
  uv_mutex_lock(&presence->lock);
  const struct presence_room *room = first_due(&presence->worker[worker]);
  const struct presence_user *user = first_leaving(&presence->worker[worker]);
  uint64_t due_ms = room ? room->due_ms : 0;
  if (user && (due_ms == 0 || user->leave_ms < due_ms))
    due_ms = user->leave_ms;
  uv_mutex_unlock(&presence->lock);
  return due_ms;
}

/* Whether every worker that has members takes a message now. */
static bool all_take_it(const struct presence *presence,
                        const struct presence_room *room) {
  for (int i = 0; presence->bus && i < presence->workers; i++)
    if (room->members[i] > 0 &&
        !bus_has_room(presence->bus, i, PRESENCE_TEXT_BYTES))
      return false;
  return true;
}

static void post_message(const struct presence *presence,
                         const struct presence_room *room,
                         struct frame *frame) {
  struct bus_letter letter = {.to = BUS_ROOM,
                              .what = BUS_SEND,
                              .frame = frame,
                              .own = true,
                              .must = true,
                              .target = room->name,
                              .target_len = strlen(room->name)};
  for (int i = 0; i < presence->workers; i++)
    if (room->members[i] > 0)
      (void)bus_post(presence->bus, i, &letter); /* or it has just ended */
  frame_unref(frame);
}

static void tell_room(struct presence *presence, struct presence_room *room,
                      int worker, uint64_t now_ms,
                      struct presence_message *message) {
  struct frame *frame = NULL;
  list_remove(&room->due);
  if (!all_take_it(presence, room)) {
    presence->counted.put_off++;
    presence_make_due(presence, room, worker, now_ms);
    return;
  }
  frame = presence_compose(presence, room);
  if (!list_empty(&room->changed))
    presence_make_due(presence, room, worker, now_ms);
  if (frame && presence->bus) {
    post_message(presence, room, frame);
  } else if (frame) {
    message->frame = frame;
    message->room_len = strlen(room->name);
    memcpy(message->room, room->name, message->room_len + 1);
  }
  presence_drop_if_empty(presence, room);
}

static void end_grace(struct presence *presence, struct presence_user *user,
                      int worker, uint64_t now_ms) {
  struct presence_room *room = user->room;
  list_remove(&user->leaving);
  presence_tell_others(presence, user);
  if (user->count == 0)
    presence_vanish(presence, user, worker, now_ms);
  presence_drop_if_empty(presence, room);
}

bool presence_work(struct presence *presence, int worker, uint64_t now_ms,
                   struct presence_message *message) {
  uv_mutex_lock(&presence->lock);
  struct presence_user *user = first_leaving(&presence->worker[worker]);
  struct presence_room *room = first_due(&presence->worker[worker]);
  bool is_over = user && user->leave_ms <= now_ms;
  bool is_due = room && room->due_ms <= now_ms;
  message->frame = NULL;
  if (is_over)
    end_grace(presence, user, worker, now_ms);
  else if (is_due)
    tell_room(presence, room, worker, now_ms, message);
  uv_mutex_unlock(&presence->lock);
  return is_over || is_due;
}

/* --- questions ---------------------------------------------------------- */

void presence_put_list(struct presence *presence, const char *name,
                       struct buf *out) {
  uv_mutex_lock(&presence->lock);
  struct presence_room *room = presence_room_named(presence, name);
  if (room)
    presence_write_list(presence, room, out);
  else
    buf_puts(out, "\"presence\":[]");
  uv_mutex_unlock(&presence->lock);
}

void presence_put_users(struct presence *presence, const char *name,
                        struct buf *out) {
  uv_mutex_lock(&presence->lock);
  presence_write_users(presence_room_named(presence, name), out);
  uv_mutex_unlock(&presence->lock);
}

bool presence_put_some(struct presence *presence, const char *name,
                       char *const *names, size_t count, struct buf *out) {
  uv_mutex_lock(&presence->lock);
  struct presence_room *room = presence_room_named(presence, name);
  if (room)
    presence_write_some(room, names, count, out);
  uv_mutex_unlock(&presence->lock);
  return room != NULL;
}

struct presence_stats presence_stats(struct presence *presence) {
  uv_mutex_lock(&presence->lock);
  struct presence_stats stats = presence->counted;
  stats.rooms = HASH_COUNT(presence->rooms);
  stats.users = presence->users;
  uv_mutex_unlock(&presence->lock);
  return stats;
}

/* --- life --------------------------------------------------------------- */

struct presence *presence_new(struct bus *bus) {
  struct presence *presence = mem_alloc(sizeof *presence);
  presence->bus = bus;
  presence->workers = bus ? bus->workers : 1;
  presence->worker =
      mem_alloc((size_t)presence->workers * sizeof *presence->worker);
  for (int i = 0; i < presence->workers; i++) {
    list_init(&presence->worker[i].due);
    list_init(&presence->worker[i].leaving);
  }
  uv_mutex_init(&presence->lock);
  return presence;
}

void presence_configure(struct presence *presence,
                        struct presence_options options) {
  uv_mutex_lock(&presence->lock);
  presence->options = options;
  uv_mutex_unlock(&presence->lock);
}

void presence_free(struct presence *presence) {
  struct presence_room *room = NULL, *next = NULL;
  if (!presence)
    return;
  HASH_ITER (hh, presence->rooms, room, next)
    presence_drop_room(presence, room);
  uv_mutex_destroy(&presence->lock);
  buf_free(&presence->joined);
  buf_free(&presence->left);
  buf_free(&presence->changed);
  buf_free(&presence->text);
  mem_free(presence->worker);
  mem_free(presence);
}
