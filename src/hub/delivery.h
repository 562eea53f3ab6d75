/* SPDX-License-Identifier: MIT
 * A frame to the connections that are here: to those of a user, of a room, to
 * all.
 *
 * Only hub/publish calls this: whoever has something to say publishes it; and
 * hub/roster, whose messages the engine has posted to the others. Each
 * function returns the number of connections that the frame was queued for. It
 * costs what its receivers cost, whoever else is connected. */
#ifndef HUB_DELIVERY_H
#define HUB_DELIVERY_H

#include "hub/manager.h"

struct delivery_opts {
  uint64_t except;         /* id of a connection that is left out; 0: none */
  bool drop;               /* skip connections whose socket is behind */
  const char *except_user; /* one who is left out; NULL: nobody */
  bool own;                /* the server's own: not for raw connections */
  bool in_turn;            /* not before what was sent before, see hub/late */
};

/* Whether the connection is left out: it, its user, or because it is raw. */
bool delivery_leaves_out(const struct conn *conn,
                         const struct delivery_opts *opts);

uint32_t delivery_to_conn(struct conn *conn, struct frame *frame,
                          const struct delivery_opts *opts);

uint32_t delivery_to_user(struct manager *manager, const char *id, size_t len,
                          struct frame *frame, struct delivery_opts opts);

uint32_t delivery_to_room(struct manager *manager, const char *name, size_t len,
                          struct frame *frame, struct delivery_opts opts);

/* The same, where the room was looked up already. */
uint32_t delivery_to_members(struct room *room, struct frame *frame,
                             struct delivery_opts opts);

/* To every connection that has logged in. */
uint32_t delivery_to_all(struct manager *manager, struct frame *frame,
                         struct delivery_opts opts);

/* Closes every connection of a user but `except` with that code; returns how
 * many. `reason` NULL is that of the code. */
uint32_t delivery_close_user(struct manager *manager, const char *id,
                             size_t len, int code, const char *reason,
                             uint64_t except);

#endif
