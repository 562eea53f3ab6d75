/* SPDX-License-Identifier: MIT
 * The only way out: a frame to a connection, a user, a room, everyone.
 *
 * Each returns the number of connections that the frame was queued for. The
 * cost is that of the receivers, whoever else is connected. Those of other
 * workers get it by the bus: they are counted as whereabouts knows them at
 * this moment, as if none of them was behind or about to close. */
#ifndef HUB_DELIVERY_H
#define HUB_DELIVERY_H

#include "hub/manager.h"

struct delivery_opts {
  uint64_t except; /* id of a connection that is left out; 0: none */
  bool drop;       /* skip connections whose socket is behind */
};

uint32_t delivery_send_to_user(struct manager *manager, const char *id,
                               size_t len, struct frame *frame,
                               struct delivery_opts opts);

uint32_t delivery_send_to_room(struct manager *manager, const char *name,
                               size_t len, struct frame *frame,
                               struct delivery_opts opts);

/* To every connection that has logged in. */
uint32_t delivery_broadcast(struct manager *manager, struct frame *frame,
                            struct delivery_opts opts);

/* Closes every connection of a user but `except` with that code; returns how
 * many. `reason` NULL is that of the code. */
uint32_t delivery_close_user(struct manager *manager, const char *id,
                             size_t len, int code, const char *reason,
                             uint64_t except);

/* Closes the connections of its user that had logged in before `conn` has. Of
 * two that log in on two workers at the same moment one stays: whereabouts
 * says which came first. */
void delivery_close_older(struct manager *manager, const struct conn *conn,
                          int code);

/* To each other worker that has a receiver; returns how many they have. */
uint32_t delivery_post(struct manager *manager,
                       const struct bus_letter *letter);

/* What another worker wants of the connections that are here. Only BUS_SEND
 * and BUS_CLOSE. */
void delivery_receive(struct manager *manager, const struct bus_letter *letter);

#endif
