/* SPDX-License-Identifier: MIT
 * Messages that have numbers, to the members who are here. */
#ifndef HUB_NUMBERED_H
#define HUB_NUMBERED_H

#include "hub/delivery.h"

/* To the members of the room. Nothing if it is not after room->at, which is
 * `at` afterwards. Returns for how many connections it was queued. */
uint32_t numbered_deliver(struct manager *manager, struct room *room,
                          struct frame *frame, struct engine_position at,
                          struct delivery_opts opts);

/* What the engine has posted to this worker: letters with an era. */
void numbered_receive(struct manager *manager, const struct bus_letter *letter);

#endif
