/* SPDX-License-Identifier: MIT
 * Messages that have numbers. */
#include "hub/numbered.h"

#include "hub/held.h"

static bool is_after(struct engine_position a, struct engine_position b) {
  return a.era != b.era ? a.era > b.era : a.seq > b.seq;
}

uint32_t numbered_deliver(struct manager *manager, struct room *room,
                          struct frame *frame, struct engine_position at,
                          struct delivery_opts opts) {
  uint32_t sent = 0;
  if (!is_after(at, room->at))
    return 0;
  (void)manager;
  room->at = at;
  for (uint32_t i = room->live; i > 0; i--)
    sent += delivery_to_conn(room->members[i - 1].conn, frame, opts);
  if (room->live < room->count)
    sent += held_deliver(room, frame, at.seq, opts);
  return sent;
}

void numbered_receive(struct manager *manager,
                      const struct bus_letter *letter) {
  struct room *room = manager_room(manager, letter->target, letter->target_len);
  struct engine_position at = {letter->era, letter->seq};
  struct delivery_opts opts = {.except = letter->except, .drop = letter->drop};
  if (!room || room->count == 0)
    return;
  if (letter->what == BUS_SEND)
    numbered_deliver(manager, room, letter->frame, at, opts);
  else if (letter->what == BUS_ERA && is_after(at, room->at))
    room->at = at;
}
