/* SPDX-License-Identifier: MIT
 * Messages that have numbers. */
#include "hub/numbered.h"

#include "hub/held.h"
#include "hub/position.h"

/* Whether a slow client need not be closed because of this room: it can be
 * told later what it has missed. */
static bool may_wait(const struct room *room) {
  return room->rule && (room->rule->latest || room->rule->resync);
}

/* Those that take nothing now are held from here on. */
static void hold_those_behind(const struct manager *manager,
                              struct room *room) {
  for (uint32_t i = room->live; i > 0; i--) {
    struct conn *conn = room->members[i - 1].conn;
    if (!conn->raw && conn_is_behind(conn))
      manager->on_behind(conn, room);
  }
}

/* As delivery_to_room does, which says why it walks like this. */
static uint32_t deliver_to_live(struct room *room, struct frame *frame,
                                struct delivery_opts opts) {
  uint32_t sent = 0;
  for (uint32_t i = room->live; i > 0; i--)
    sent += delivery_to_conn(room->members[i - 1].conn, frame, &opts);
  return sent;
}

static bool is_next(const struct room *room, struct engine_position at) {
  return at.era == room->at.era && at.seq == room->at.seq + 1;
}

uint32_t numbered_deliver(struct manager *manager, struct room *room,
                          struct frame *frame, struct engine_position at,
                          struct delivery_opts opts) {
  if (!position_is_before(room->at, at))
    return 0;
  if (!is_next(room, at) && manager->on_gap)
    manager->on_gap(room);
  if (may_wait(room) && manager->on_behind)
    hold_those_behind(manager, room);
  room->at = at;
  uint32_t sent = deliver_to_live(room, frame, opts);
  if (room->live < room->count)
    sent += held_deliver(room, frame, at, opts);
  return sent;
}

void numbered_receive(struct manager *manager,
                      const struct bus_letter *letter) {
  struct room *room = manager_room(manager, letter->target, letter->target_len);
  struct engine_position at = {letter->era, letter->seq};
  struct delivery_opts opts = {.except = letter->except, .drop = letter->drop};
  if (letter->text && *letter->text)
    opts.except_user = letter->text;
  if (!room || room->count == 0)
    return;
  if (letter->what == BUS_SEND)
    numbered_deliver(manager, room, letter->frame, at, opts);
  else if (letter->what == BUS_ERA && position_is_before(room->at, at))
    manager->on_era(room, at);
  else if (letter->what == BUS_BEHIND && !position_is_before(at, room->at)) {
    room->behind = true;
    manager->on_gap(room);
  }
}
