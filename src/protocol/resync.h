/* SPDX-License-Identifier: MIT
 * The message `resync`: messages of a room are lost for a member. */
#ifndef PROTOCOL_RESYNC_H
#define PROTOCOL_RESYNC_H

#include "hub/manager.h"

/* {"type":"resync","room":…,"data":{"epoch":…,"seq":…}}: what comes next is the
 * message after `at`. The caller owns the reference. */
MUST_CHECK struct frame *resync_frame(const struct engine *engine,
                                      const struct room *room,
                                      struct engine_position at);

/* Sends it to one member, and counts it. A raw connection would not understand
 * it, and is not told. */
void resync_tell(struct conn *conn, struct frame *frame);

/* For manager->on_era: the room is at that position, which none that members
 * know of leads to. All of them are told. */
void resync_era(struct room *room, struct engine_position at);

#endif
