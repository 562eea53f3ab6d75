/* SPDX-License-Identifier: MIT
 * A worker's part in who is in its rooms (engine/presence).
 *
 * It tells the engine of its own connections, in rooms whose rule wants that,
 * and makes the messages to members that are due here. Rooms without such a
 * rule pay for one test of a pointer when somebody joins or leaves. */
#ifndef HUB_ROSTER_H
#define HUB_ROSTER_H

#include "engine/presence.h"
#include "hub/index.h"

#include <uv.h>

struct conn;
struct manager;

struct roster {
  struct manager *manager;
  struct presence *presence; /* borrowed; NULL: it is not open */
  uv_timer_t timer;
  uint64_t next_ms; /* when that fires, in time of the loop; 0: it does not */
  uint64_t every_ms, grace_ms;
};

/* What of the configuration concerns it. */
struct roster_options {
  uint64_t every_ms; /* between two messages to the members of a room */
  uint64_t grace_ms; /* for which who was lost counts as being there */
  uint32_t list_max; /* users in a list, or in a message */
};

/* On the manager's loop, whose bus is connected, if there is one. */
void roster_open(struct roster *roster, struct manager *manager,
                 struct presence *presence);

void roster_configure(struct roster *roster, struct roster_options options);

/* Closes the handle. Every connection is closed. */
void roster_close(struct roster *roster);

/* Whether it is kept who is in the room. */
static inline bool roster_has(const struct room *room) {
  return room->rule && room->rule->presence != RULE_NO_PRESENCE;
}

/* The connection has become a member of a room that roster_has. */
void roster_enter(struct conn *conn, const struct room *room);

/* It is a member no more: it has left, was made to leave, or is closed. */
void roster_leave(struct conn *conn, const struct room *room);

/* What the engine knows of other machines has changed. */
void roster_look(struct roster *roster);

/* What the connection says of itself in all of its rooms from now on. Takes the
 * reference; NULL: nothing. */
void roster_tell_take(struct conn *conn, struct presence_info *info);

/* The room has another rule than `before`, which may be NULL. */
void roster_change(struct manager *manager, const struct room *room,
                   const struct rule *before);

#endif
