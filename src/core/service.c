/* SPDX-License-Identifier: MIT
 * Sending to users, rooms and everyone. */
#include "core/service.h"

static uint32_t deliver(struct conn *conn, struct frame *frame,
                        struct service_opts opts) {
  if (conn == opts.except || (opts.drop && conn_is_behind(conn)))
    return 0;
  return conn_send(conn, frame) == 0;
}

uint32_t service_send_to_user(struct manager *manager, const char *id,
                              size_t len, struct frame *frame,
                              struct service_opts opts) {
  struct user *user = manager_user(manager, id, len);
  uint32_t sent = 0;
  if (!user)
    return 0;
  LIST_FOREACH_SAFE (it, &user->conns)
    sent += deliver(container_of(it, struct conn, user_node), frame, opts);
  return sent;
}

uint32_t service_send_to_room(struct manager *manager, const char *name,
                              size_t len, struct frame *frame,
                              struct service_opts opts) {
  struct room *room = manager_room(manager, name, len);
  uint32_t sent = 0;
  if (!room)
    return 0;
  /* From the end: a full queue closes the member it is at, which moves the
   * last member, visited already, into its place. */
  for (uint32_t i = room->count; i > 0; i--)
    sent += deliver(room->members[i - 1].conn, frame, opts);
  return sent;
}

uint32_t service_broadcast(struct manager *manager, struct frame *frame,
                           struct service_opts opts) {
  uint32_t sent = 0;
  LIST_FOREACH_SAFE (it, &manager->conns) {
    struct conn *conn = container_of(it, struct conn, node);
    if (conn->state == CONN_READY)
      sent += deliver(conn, frame, opts);
  }
  return sent;
}

uint32_t service_kick(struct manager *manager, const char *id, size_t len,
                      const char *reason) {
  struct user *user = manager_user(manager, id, len);
  uint32_t kicked = 0;
  if (!user)
    return 0;
  LIST_FOREACH_SAFE (it, &user->conns) {
    conn_close(container_of(it, struct conn, user_node), CLOSE_KICKED, reason);
    kicked++;
  }
  return kicked;
}
