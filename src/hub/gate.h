/* SPDX-License-Identifier: MIT
 * Frames that wait for events to be in the outbox (events/tickets).
 *
 * A frame that is queued while events are on their way there may be an effect
 * of them, and so must not leave earlier. It waits in the queue of its
 * connection, and with it all that come behind it, as a queue has one order.
 *
 * The gate of a connection knows how many of its last frames wait, in two
 * groups with a ticket each. The first goes when its ticket is settled. What
 * comes meanwhile is of the second, whose ticket grows; it becomes the first
 * when that has gone. So frames that come all the time cannot keep those before
 * them from leaving. */
#ifndef HUB_GATE_H
#define HUB_GATE_H

#include "hub/conn.h"

struct gate {
  uint64_t ticket[2];
  uint32_t held[2]; /* frames; the last ones of the queue */
};

/* Notes that a frame was queued. */
void gate_note(struct conn *conn);

/* Lets out what may leave. */
void gate_look(struct conn *conn);

/* How many frames at the front of the queue may leave. */
static inline uint32_t gate_open_count(const struct conn *conn) {
  if (!conn->gated)
    return conn->out.count;
  return conn->out.count - conn->gate->held[0] - conn->gate->held[1];
}

/* The frames that waited are gone. */
void gate_remove(struct conn *conn);

#endif
