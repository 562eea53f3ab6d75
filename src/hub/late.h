/* SPDX-License-Identifier: MIT
 * What must not overtake messages that are on their way.
 *
 * A message to a numbered room comes by a letter even to the members of the
 * worker that publishes it, if letters with earlier ones are on their way (see
 * engine/engine). What a script sends to one of them after that, the reply of
 * its handler above all, would be there first. So it waits (conn->late), and a
 * letter of its own, BUS_LATE, lets it go: that stands behind the message in
 * the worker's mailbox. Messages to a plain room and to everybody go the same
 * way in one letter, and what is sent after those waits, too.
 *
 * It is a matter of one turn, and only among several workers that talk in the
 * same room. Else nothing is late, and the price is to look at one number. */
#ifndef HUB_LATE_H
#define HUB_LATE_H

#include "hub/manager.h"

/* A letter with a message of this worker is on its way to itself. */
void late_note(struct manager *manager);

/* Posts a message of this worker to itself: to a room, or to all. False: there
 * is nothing that it must not overtake, or no room; it may be delivered now. */
MUST_CHECK bool late_post(struct manager *manager, struct bus_letter *letter);

/* conn_send, in its turn. */
int late_send(struct conn *conn, struct frame *frame);

/* For BUS_LATE, and for what late_post has posted, before it is delivered. */
void late_receive(struct manager *manager, const struct bus_letter *letter);

#endif
