/* SPDX-License-Identifier: MIT
 * Members that may not get what is sent to their room yet.
 *
 * Who joins a room with a history may have to hear older messages first, and
 * who is behind may have to be told what was left out. Until then a member is
 * held: it is a member for everybody who asks, but what is sent to the room
 * waits for it here instead of going to its queue. protocol/recover decides
 * who is held, and for how long.
 *
 *   held_begin ──► waits ──held_open──► above its floor only ──► live again
 *                    └─────held_end───────────────────────────►
 *
 * A room's table has its live members first and those that are held behind
 * them (room->live). So a fan-out walks the live ones as ever, and looks at
 * room->held only if somebody is.
 *
 * The floor: a member that was replayed messages up to a number must not get
 * them a second time, and some of them may still be on their way from another
 * worker. So what has a number up to the floor is dropped. When the room has
 * come to the floor, the member is live.
 *
 * What waits for a connection, in all rooms where it is held, is bounded by
 * limits.queue_bytes. Past that bound numbered messages are not kept any more
 * (`missed`): they stand in the room's history. Messages without a number
 * cannot be had again: so a client for which one finds no room is slow, and is
 * closed as such. */
#ifndef HUB_HELD_H
#define HUB_HELD_H

#include "hub/delivery.h"

/* A message that waits. */
struct held_message {
  struct frame *frame;       /* a reference */
  struct engine_position at; /* its number in the room; zero: it has none */
};

/* Stands inside of what its user keeps for it. */
struct held {
  struct list in_room; /* in room->held */
  struct list in_conn; /* in conn->held */
  struct conn *conn;
  struct room *room;
  bool open;   /* nothing waits any more, see held_open */
  bool missed; /* a numbered message found no room; so none does from now on */
  struct engine_position floor; /* messages up to here are dropped */
  struct held_message *messages;
  uint32_t first, count, cap; /* those that wait begin at `first` */
  /* It is held no longer, because it is live, has left, or closes: it stands
   * in no list, and may be freed. */
  void (*ended)(struct held *held);
};

/* Holds a live member of the room. `held` is zeroed but for `ended`. */
void held_begin(struct held *held, struct conn *conn, struct room *room);

/* How the connection is held in that room; NULL if it is not. */
struct held *held_find(const struct conn *conn, const struct room *room);

/* Takes the message that has waited longest. False if none waits. The caller
 * drops the reference. */
bool held_shift(struct held *held, struct held_message *message);

/* Forgets what waits. */
void held_clear(struct held *held);

/* Nothing waits, and what is above the floor goes straight to the client from
 * now on; when the room, which is at room->at now, comes to the floor, it is
 * live. */
void held_open(struct held *held);

/* It is live from now on. What waits is forgotten. Calls `ended`. */
void held_end(struct held *held);

/* The membership is over, or about to be; for hub/manager. Calls `ended`. */
void held_leave(struct held *held);

/* For the fan-out: a message for those of the room who are held; `at` is zero
 * if it has no number. Returns for how many connections. May close the
 * connections that it is for. */
uint32_t held_deliver(struct room *room, struct frame *frame,
                      struct engine_position at, struct delivery_opts opts);

#endif
