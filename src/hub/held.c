/* SPDX-License-Identifier: MIT
 * Members that are held. */
#include "hub/held.h"

#include "base/mem.h"
#include "hub/position.h"

enum { MESSAGES_MIN = 8 };

/* The rows at two places of the room's table change them. */
static void swap_rows(struct room *room, uint32_t a, uint32_t b) {
  struct member x = room->members[a], y = room->members[b];
  room->members[a] = y;
  room->members[b] = x;
  x.conn->rooms[x.slot].place = b;
  y.conn->rooms[y.slot].place = a;
}

void held_begin(struct held *held, struct conn *conn, struct room *room) {
  const struct membership *membership = manager_membership(conn, room);
  held->conn = conn;
  held->room = room;
  list_init(&held->in_room);
  list_init(&held->in_conn);
  list_push(&room->held, &held->in_room);
  list_push(&conn->held, &held->in_conn);
  swap_rows(room, membership->place, --room->live);
}

struct held *held_find(const struct conn *conn, const struct room *room) {
  LIST_FOREACH (it, &conn->held) {
    struct held *held = container_of(it, struct held, in_conn);
    if (held->room == room)
      return held;
  }
  return NULL;
}

/* --- what waits ---------------------------------------------------------- */

static void grow_messages(struct held *held) {
  if (held->first > 0) {
    memmove(held->messages, held->messages + held->first,
            held->count * sizeof *held->messages);
    held->first = 0;
    return;
  }
  held->cap = held->cap ? held->cap * 2 : MESSAGES_MIN;
  held->messages =
      mem_realloc(held->messages, held->cap * sizeof *held->messages);
}

static void hold_message(struct held *held, struct frame *frame,
                         struct engine_position at) {
  if (held->first + held->count == held->cap)
    grow_messages(held);
  held->messages[held->first + held->count++] =
      (struct held_message){frame_ref(frame), at};
  held->conn->held_bytes += frame->len;
}

bool held_shift(struct held *held, struct held_message *message) {
  if (held->count == 0)
    return false;
  *message = held->messages[held->first++];
  held->conn->held_bytes -= message->frame->len;
  if (--held->count == 0)
    held->first = 0;
  return true;
}

void held_clear(struct held *held) {
  struct held_message message;
  while (held_shift(held, &message))
    frame_unref(message.frame);
  mem_free(held->messages);
  held->messages = NULL;
  held->cap = 0;
}

/* --- the end ------------------------------------------------------------- */

void held_leave(struct held *held) {
  list_remove(&held->in_room);
  list_remove(&held->in_conn);
  held_clear(held);
  held->ended(held);
}

void held_end(struct held *held) {
  struct room *room = held->room;
  swap_rows(room, manager_membership(held->conn, room)->place, room->live++);
  held_leave(held);
}

void held_open(struct held *held) {
  held->open = true;
  if (!position_is_before(held->room->at, held->floor))
    held_end(held);
}

/* --- the fan-out --------------------------------------------------------- */

static uint32_t wait_for_it(struct held *held, struct frame *frame,
                            struct engine_position at, bool drop) {
  const struct conn *conn = held->conn;
  bool fits = conn->held_bytes + frame->len <= conn->owner->queue_bytes;
  if (at.era && (held->missed || !fits)) {
    held->missed = true;
    return 1;
  }
  if (fits) {
    hold_message(held, frame, at);
    return 1;
  }
  if (drop)
    return 0;
  held->conn->owner->stats->slow_consumers++;
  conn_close(held->conn, CLOSE_SLOW_CONSUMER, NULL);
  return 0;
}

/* The room has come to `at`. Ends the hold if that is not below the floor. */
static uint32_t pass_floor(struct held *held, struct frame *frame,
                           struct engine_position at,
                           struct delivery_opts opts) {
  struct conn *conn = held->conn;
  bool above = !at.era || position_is_before(held->floor, at);
  if (at.era && !position_is_before(at, held->floor))
    held_end(held);
  return above ? delivery_to_conn(conn, frame, &opts) : 0;
}

uint32_t held_deliver(struct room *room, struct frame *frame,
                      struct engine_position at, struct delivery_opts opts) {
  uint32_t sent = 0;
  LIST_FOREACH_SAFE (it, &room->held) {
    struct held *held = container_of(it, struct held, in_room);
    if (held->open)
      sent += pass_floor(held, frame, at, opts);
    else if (!delivery_leaves_out(held->conn, &opts))
      sent += wait_for_it(held, frame, at, opts.drop);
  }
  return sent;
}
