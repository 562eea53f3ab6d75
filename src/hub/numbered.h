/* SPDX-License-Identifier: MIT
 * Messages that have numbers, to the members who are here.
 *
 * The engine gives the messages of a room their numbers, and hands them to each
 * worker that is in the room, in order. So what comes next here has the number
 * room->at + 1. If it has not, messages were left out on their way, as this
 * worker was too far behind; protocol/recover reads them for the members. */
#ifndef HUB_NUMBERED_H
#define HUB_NUMBERED_H

#include "hub/delivery.h"

/* To the live members of the room, and to those that are held. Nothing if it
 * is not after room->at, which is `at` afterwards. Returns for how many
 * connections it was queued, or is kept until they can be sent it. */
uint32_t numbered_deliver(struct manager *manager, struct room *room,
                          struct frame *frame, struct engine_position at,
                          struct delivery_opts opts);

/* What the engine has posted to this worker: letters with an era. */
void numbered_receive(struct manager *manager, const struct bus_letter *letter);

#endif
