/* SPDX-License-Identifier: MIT
 * Rooms of this worker for which something is declared (engine/rules), and
 * their way into the engine. A room that has no rule costs a look at a pointer.
 *
 * The worker is in a numbered room of the engine as long as the room has a
 * member here. */
#ifndef HUB_DECLARED_H
#define HUB_DECLARED_H

#include "hub/manager.h"

/* Whether the messages of the room have numbers. */
static inline bool declared_numbered(const struct room *room) {
  return room->rule && room->rule->numbered;
}

/* The room has its first member, or has lost its last one. To be called by
 * hub/manager, for rooms that have a rule. */
void declared_enter(struct manager *manager, struct room *room);
void declared_exit(struct manager *manager, struct room *room);

/* These are the rules from now on, of the rooms that are there, too. Borrowed:
 * they live until the next ones have been set. NULL is none. */
void declared_set_rules(struct manager *manager, struct rules *rules);

#endif
