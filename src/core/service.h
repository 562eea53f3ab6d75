/* SPDX-License-Identifier: MIT
 * The only way out: a frame to a connection, a user, a room, everyone.
 *
 * Each returns the number of connections that the frame was queued for. The
 * cost is that of the receivers, whoever else is connected. What is not
 * connected to this worker is reached from here too, once there are several:
 * callers must not assume that they see every connection themselves. */
#ifndef CORE_SERVICE_H
#define CORE_SERVICE_H

#include "core/manager.h"

struct service_opts {
  const struct conn *except; /* not to this one; NULL: to all */
  bool drop;                 /* skip connections whose socket is behind */
};

uint32_t service_send_to_user(struct manager *manager, const char *id,
                              size_t len, struct frame *frame,
                              struct service_opts opts);

uint32_t service_send_to_room(struct manager *manager, const char *name,
                              size_t len, struct frame *frame,
                              struct service_opts opts);

/* To every connection that has logged in. */
uint32_t service_broadcast(struct manager *manager, struct frame *frame,
                           struct service_opts opts);

/* Closes every connection of a user 4502; returns how many. */
uint32_t service_kick(struct manager *manager, const char *id, size_t len,
                      const char *reason);

#endif
