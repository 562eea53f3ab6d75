/* SPDX-License-Identifier: MIT
 * Who is in the rooms of this worker. */
#include "hub/roster.h"

#include "hub/delivery.h"
#include "hub/manager.h"

#include <string.h>

static struct presence_member member_of(const struct conn *conn,
                                        const struct room *room) {
  return (struct presence_member){.room = room->name,
                                  .how = roster_has(room) ? room->rule->presence
                                                          : RULE_PRESENCE,
                                  .worker = manager_of(conn)->worker,
                                  .conn = conn->id,
                                  .user = conn->user ? conn->user->id : NULL,
                                  .info = conn->info};
}

/* --- what is due --------------------------------------------------------- */

static void on_roster_timer(uv_timer_t *timer);

static void arm_roster(struct roster *roster, uint64_t due_ms) {
  uint64_t now_ms = uv_now(roster->timer.loop);
  if (roster->next_ms > 0 && roster->next_ms <= due_ms)
    return;
  roster->next_ms = due_ms;
  uv_timer_start(&roster->timer, on_roster_timer,
                 due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

/* Something has changed: it is due in every_ms, if it is up to this worker. A
 * look too many does no harm, and the engine is asked only then. */
static void look_later(struct roster *roster, uint64_t delay_ms) {
  arm_roster(roster, uv_now(roster->timer.loop) + delay_ms);
}

void roster_look(struct roster *roster) {
  look_later(roster, roster->every_ms);
}

static void on_roster_timer(uv_timer_t *timer) {
  struct roster *roster = container_of(timer, struct roster, timer);
  struct manager *manager = roster->manager;
  struct delivery_opts opts = {.own = true};
  struct presence_message message;
  roster->next_ms = 0;
  while (presence_work(roster->presence, manager->worker, uv_now(timer->loop),
                       &message)) {
    if (!message.frame)
      continue; /* nothing to tell, or letters are on their way */
    delivery_to_room(manager, message.room, message.room_len, message.frame,
                     opts);
    frame_unref(message.frame);
  }
  uint64_t due_ms = presence_due(roster->presence, manager->worker);
  if (due_ms > 0)
    arm_roster(roster, due_ms);
}

/* --- members ------------------------------------------------------------ */

void roster_enter(struct conn *conn, const struct room *room) {
  struct roster *roster = manager_of(conn)->roster;
  struct presence_member member = member_of(conn, room);
  presence_enter(roster->presence, &member, uv_now(roster->timer.loop));
  look_later(roster, roster->every_ms);
}

/* A client with a session has had its time to come back; who was made to go, or
 * left the room, is not expected. */
static uint64_t grace_of(const struct conn *conn, const struct roster *roster) {
  bool lost =
      !conn_is_open(conn) && conn->close_code != CLOSE_KICKED && !conn->replay;
  return lost ? roster->grace_ms : 0;
}

void roster_leave(struct conn *conn, const struct room *room) {
  struct roster *roster = manager_of(conn)->roster;
  struct presence_member member = member_of(conn, room);
  uint64_t grace_ms = grace_of(conn, roster);
  uint64_t every_ms = roster->every_ms;
  presence_leave(roster->presence, &member, grace_ms,
                 uv_now(roster->timer.loop));
  look_later(roster, grace_ms > 0 && grace_ms < every_ms ? grace_ms : every_ms);
}

void roster_tell_take(struct conn *conn, struct presence_info *info) {
  struct roster *roster = manager_of(conn)->roster;
  presence_info_unref(conn->info);
  conn->info = info;
  for (uint32_t i = 0; conn->user && i < conn->room_count; i++) {
    const struct room *room = conn->rooms[i].room;
    struct presence_member member = member_of(conn, room);
    if (roster_has(room))
      presence_tell(roster->presence, &member, uv_now(roster->timer.loop));
  }
  look_later(roster, roster->every_ms);
}

/* --- rules -------------------------------------------------------------- */

/* Members of other workers may be known already, and what was told of them was
 * told to their workers only. */
static void enter_members(struct manager *manager, const struct room *room) {
  for (uint32_t i = 0; i < room->count; i++)
    roster_enter(room->members[i].conn, room);
  if (room->count > 0)
    presence_tell_all(manager->roster->presence, room->name, manager->worker,
                      uv_now(manager->roster->timer.loop));
}

void roster_change(struct manager *manager, const struct room *room,
                   const struct rule *before) {
  struct roster *roster = manager->roster;
  enum rule_presence was = before ? before->presence : RULE_NO_PRESENCE;
  if (!roster)
    return; /* there are no clients */
  if (!roster_has(room)) {
    if (was != RULE_NO_PRESENCE)
      presence_forget(roster->presence, room->name);
    return;
  }
  if (was == RULE_NO_PRESENCE)
    enter_members(manager, room);
  else if (was != room->rule->presence)
    presence_change(roster->presence, room->name, room->rule->presence,
                    manager->worker, uv_now(roster->timer.loop));
  look_later(roster, roster->every_ms);
}

/* --- life --------------------------------------------------------------- */

void roster_open(struct roster *roster, struct manager *manager,
                 struct presence *presence) {
  roster->manager = manager;
  roster->presence = presence;
  roster->next_ms = 0;
  uv_timer_init(manager->owner.loop, &roster->timer);
  manager->roster = roster;
}

void roster_configure(struct roster *roster, struct roster_options options) {
  struct presence_options shared = {options.every_ms, options.list_max};
  roster->every_ms = options.every_ms;
  roster->grace_ms = options.grace_ms;
  if (roster->presence)
    presence_configure(roster->presence, shared);
}

void roster_close(struct roster *roster) {
  uv_close((uv_handle_t *)&roster->timer, NULL);
}
