/* SPDX-License-Identifier: MIT
 * Rooms of this worker for which something is declared (engine/rules), and
 * their way into the engine. A room that has no rule costs a look at a pointer.
 *
 * The worker is in a numbered room of the engine as long as the room has a
 * member here, also when the rule is gone after a reload. */
#ifndef HUB_DECLARED_H
#define HUB_DECLARED_H

#include "hub/manager.h"

/* Whether the messages of the room have numbers. */
static inline bool declared_numbered(const struct room *room) {
  return room->rule && room->rule->numbered;
}

/* The room, which has a rule, has its first member. For hub/manager. */
void declared_enter(struct manager *manager, struct room *room);

/* The room, which the worker is inside of, has lost its last member; or its
 * rule is gone, and letters of it were left out. */
void declared_exit(struct manager *manager, struct room *room);

/* These are the rules from now on, of the rooms that are there, too. Borrowed:
 * they live until the next ones have been set. NULL is none. */
void declared_set_rules(struct manager *manager, struct rules *rules);

#endif
