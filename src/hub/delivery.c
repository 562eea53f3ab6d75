/* SPDX-License-Identifier: MIT
 * A frame to those who are here.
 *
 * The walk of a fan-out, and why it may close whom it is at. To queue a frame
 * for a client whose queue is full closes that client at once (conn_send,
 * 4002), and closing takes it out of the very table or list that is walked.
 * Nothing is snapshotted for that; the walks are such that it does no harm:
 *
 * - A room is a dense table. To take out a member moves the last one into its
 *   place. The walk goes from the end to the beginning: so the one that is
 *   moved was visited already, and the one that is gone was the current one.
 *   Walked from the beginning, whoever is moved into the gap would be left out.
 *   Members that are held (hub/held) stand behind, and are in a list, too.
 * - Lists (of a user, of all) are walked by the safe iterator, which has read
 *   the next node before the current one may go.
 *
 * Both rely on one rule: to send to a connection closes nobody but that
 * connection. It holds because conn_close only takes it out and queues a close
 * frame. The hooks that scripts see of it run at the end of the turn
 * (protocol/farewell), when nobody walks. */
#include "hub/delivery.h"

#include "hub/held.h"
#include "hub/late.h"

#include <string.h>

bool delivery_leaves_out(const struct conn *conn,
                         const struct delivery_opts *opts) {
  return conn->id == opts->except || (opts->own && conn->raw) ||
         (opts->except_user && conn->user &&
          strcmp(conn->user->id, opts->except_user) == 0);
}

uint32_t delivery_to_conn(struct conn *conn, struct frame *frame,
                          const struct delivery_opts *opts) {
  if (delivery_leaves_out(conn, opts) || (opts->drop && conn_is_behind(conn)))
    return 0;
  int err = opts->in_turn ? late_send(conn, frame) : conn_send(conn, frame);
  return err == 0;
}

uint32_t delivery_to_user(struct manager *manager, const char *id, size_t len,
                          struct frame *frame, struct delivery_opts opts) {
  struct user *user = manager_user(manager, id, len);
  uint32_t sent = 0;
  if (!user)
    return 0;
  LIST_FOREACH_SAFE (it, &user->conns)
    sent += delivery_to_conn(container_of(it, struct conn, user_node), frame,
                             &opts);
  return sent;
}

static const struct engine_position no_number;

uint32_t delivery_to_members(struct room *room, struct frame *frame,
                             struct delivery_opts opts) {
  uint32_t sent = 0;
  for (uint32_t i = room->live; i > 0; i--)
    sent += delivery_to_conn(room->members[i - 1].conn, frame, &opts);
  if (room->live < room->count)
    sent += held_deliver(room, frame, no_number, opts);
  return sent;
}

uint32_t delivery_to_room(struct manager *manager, const char *name, size_t len,
                          struct frame *frame, struct delivery_opts opts) {
  struct room *room = manager_room(manager, name, len);
  return room ? delivery_to_members(room, frame, opts) : 0;
}

uint32_t delivery_to_all(struct manager *manager, struct frame *frame,
                         struct delivery_opts opts) {
  uint32_t sent = 0;
  LIST_FOREACH_SAFE (it, &manager->conns) {
    struct conn *conn = container_of(it, struct conn, node);
    if (conn_is_let_in(conn) && conn->user)
      sent += delivery_to_conn(conn, frame, &opts);
  }
  return sent;
}

uint32_t delivery_close_user(struct manager *manager, const char *id,
                             size_t len, int code, const char *reason,
                             uint64_t except) {
  struct user *user = manager_user(manager, id, len);
  uint32_t closed = 0;
  if (!user)
    return 0;
  LIST_FOREACH_SAFE (it, &user->conns) {
    struct conn *conn = container_of(it, struct conn, user_node);
    if (conn->id == except)
      continue;
    conn_close(conn, code, reason);
    closed++;
  }
  return closed;
}
