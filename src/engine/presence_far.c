/* SPDX-License-Identifier: MIT
 * Users who are in rooms on other machines: to members they are like those who
 * are here. */
#include "engine/presence_room.h"

#include <string.h>

/* Tells them what the user has here. Whom we wait for counts as being there. */
void presence_tell_others(const struct presence *presence,
                          const struct presence_user *user) {
  const struct presence_seat *said = NULL;
  struct presence_entry entry = {.user = user->id, .since_s = user->since_s};
  if (!presence->watcher)
    return;
  for (uint32_t i = 0; i < user->count; i++) {
    const struct presence_seat *seat = &user->seats[i];
    entry.devices += seat->far ? 0 : seat->devices;
    if (!seat->far && seat->info && (!said || seat->said > said->said))
      said = seat;
  }
  if (list_linked(&user->leaving))
    entry.devices = 1;
  if (said) {
    entry.info = said->info->json;
    entry.info_len = said->info->len;
  }
  presence->watcher(presence->watcher_arg, user->room->name, &entry);
}

/* The worker that tells the members what has happened elsewhere. */
static int worker_with_members(const struct presence *presence,
                               const struct presence_room *room) {
  for (int i = 0; i < presence->workers; i++)
    if (room->members[i] > 0)
      return i;
  return 0;
}

static bool same_seat(const struct presence_seat *seat,
                      const struct presence_entry *entry) {
  size_t len = seat->info ? seat->info->len : 0;
  return seat->devices == entry->devices && len == entry->info_len &&
         (len == 0 || memcmp(seat->info->json, entry->info, len) == 0);
}

static void take_far_seat(struct presence *presence, struct presence_user *user,
                          uint64_t machine,
                          const struct presence_entry *entry) {
  struct presence_member member = {.conn = machine};
  if (entry->info_len > 0)
    member.info = presence_info_new(entry->info, entry->info_len);
  presence_take_seat(presence, user, &member);
  presence_info_unref(member.info);
  user->seats[user->count - 1].far = true;
  user->seats[user->count - 1].devices = entry->devices;
  if (entry->since_s < user->since_s)
    user->since_s = entry->since_s;
}

static void leave_far(struct presence *presence, struct presence_user *user,
                      struct presence_seat *seat, int worker, uint64_t now_ms) {
  presence_give_seat_up(user, seat);
  if (user->count > 0)
    presence_note_change(presence, user, worker, now_ms);
  else if (!list_linked(&user->leaving))
    presence_vanish(presence, user, worker, now_ms);
}

static void set_far(struct presence *presence, struct presence_room *room,
                    uint64_t machine, const struct presence_entry *entry,
                    uint64_t now_ms) {
  int worker = worker_with_members(presence, room);
  struct presence_user *user = presence_user_named(room, entry->user);
  struct presence_seat *seat = user ? presence_seat_of(user, machine) : NULL;
  if (entry->devices == 0) {
    if (seat)
      leave_far(presence, user, seat, worker, now_ms);
    return;
  }
  if (seat)
    seat->stale = false;
  if (seat && same_seat(seat, entry))
    return;
  user = presence_ensure_user(room, entry->user);
  if (!presence_is_there(user))
    presence_come(presence, user, worker, now_ms);
  if (seat)
    presence_give_seat_up(user, seat);
  take_far_seat(presence, user, machine, entry);
  presence_note_change(presence, user, worker, now_ms);
}

/* The timer of that worker may not run. */
static void wake_teller(const struct presence *presence,
                        const struct presence_room *room) {
  struct bus_letter letter = {.to = BUS_ALL, .what = BUS_LOOK};
  if (list_linked(&room->due))
    (void)bus_post(presence->bus, worker_with_members(presence, room), &letter);
}

void presence_watch(struct presence *presence, presence_watch_fn *watcher,
                    void *arg) {
  presence->watcher = watcher;
  presence->watcher_arg = arg;
}

void presence_set_far(struct presence *presence, const char *name,
                      enum rule_presence how, uint64_t machine,
                      const struct presence_entry *entry, uint64_t now_ms) {
  uv_mutex_lock(&presence->lock);
  struct presence_room *room = presence_ensure_room(presence, name, how);
  set_far(presence, room, machine, entry, now_ms);
  wake_teller(presence, room);
  presence_drop_if_empty(presence, room);
  uv_mutex_unlock(&presence->lock);
}

/* Takes out seats on other machines: those of one, or (0) the stale ones. */
static void drop_far_seats(struct presence *presence,
                           struct presence_room *room, uint64_t machine,
                           uint64_t now_ms) {
  struct presence_user *user = NULL, *next = NULL;
  int worker = worker_with_members(presence, room);
  HASH_ITER (hh, room->users, user, next) {
    for (uint32_t i = user->count; i > 0; i--) {
      struct presence_seat *seat = &user->seats[i - 1];
      bool goes = seat->far && (machine ? seat->conn == machine : seat->stale);
      bool last = user->count == 1; /* the user may be gone afterwards */
      if (goes)
        leave_far(presence, user, seat, worker, now_ms);
      if (goes && last)
        break;
    }
  }
}

static void make_stale(struct presence_room *room) {
  for (struct presence_user *user = room->users; user; user = user->hh.next)
    for (uint32_t i = 0; i < user->count; i++)
      user->seats[i].stale = user->seats[i].far;
}

void presence_replace_far(struct presence *presence, const char *name,
                          enum rule_presence how,
                          const struct presence_far *list, size_t count,
                          uint64_t now_ms) {
  uv_mutex_lock(&presence->lock);
  struct presence_room *room = presence_ensure_room(presence, name, how);
  make_stale(room);
  for (size_t i = 0; i < count; i++)
    set_far(presence, room, list[i].machine, &list[i].entry, now_ms);
  drop_far_seats(presence, room, 0, now_ms);
  wake_teller(presence, room);
  presence_drop_if_empty(presence, room);
  uv_mutex_unlock(&presence->lock);
}

void presence_drop_far(struct presence *presence, uint64_t machine,
                       uint64_t now_ms) {
  struct presence_room *room = NULL, *next = NULL;
  uv_mutex_lock(&presence->lock);
  HASH_ITER (hh, presence->rooms, room, next) {
    drop_far_seats(presence, room, machine, now_ms);
    wake_teller(presence, room);
    presence_drop_if_empty(presence, room);
  }
  uv_mutex_unlock(&presence->lock);
}
