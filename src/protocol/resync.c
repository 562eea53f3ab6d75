/* SPDX-License-Identifier: MIT
 * Telling members that they have missed messages. */
#include "protocol/resync.h"

#include "hub/held.h"
#include "hub/position.h"
#include "script/message.h"

struct frame *resync_frame(const struct engine *engine, const struct room *room,
                           struct engine_position at) {
  struct buf out = {0};
  message_room_begin(&out, "resync", room->name, strlen(room->name));
  buf_puts(&out, ",\"data\":{");
  position_put(&out, engine, at, POSITION_PLAIN);
  buf_puts(&out, "}}");
  struct frame *frame = frame_new(FRAME_TEXT, out.data, out.len);
  buf_free(&out);
  return frame;
}

void resync_tell(struct conn *conn, struct frame *frame) {
  if (conn->raw)
    return;
  conn->owner->stats->resyncs++;
  (void)conn_send(conn, frame); /* full: it is closed */
}

/* To those that are held it is a message of the room: what waits for them
 * before it is of the era before. */
void resync_era(struct room *room, struct engine_position at) {
  const struct delivery_opts opts = {.own = true};
  struct manager *manager = manager_of(room->members[0].conn);
  struct frame *frame = resync_frame(manager->engine, room, at);
  room->at = at;
  for (uint32_t i = room->live; i > 0; i--)
    resync_tell(room->members[i - 1].conn, frame);
  held_deliver(room, frame, at, opts);
  frame_unref(frame);
}
