/* SPDX-License-Identifier: MIT
 * Letters from other workers. */
#include "protocol/remote.h"

#include "hub/late.h"
#include "hub/numbered.h"
#include "hub/publish.h"
#include "protocol/move.h"
#include "protocol/online.h"
#include "protocol/probe.h"
#include "protocol/rooms.h"

/* All connections of a user join a room, or leave it. */
static void move_user(struct protocol *protocol,
                      const struct bus_letter *letter) {
  struct user *user =
      manager_user(&protocol->manager, letter->target, letter->target_len);
  if (!user)
    return;
  LIST_FOREACH_SAFE (it, &user->conns) {
    struct conn *conn = container_of(it, struct conn, user_node);
    if (letter->what == BUS_JOIN)
      rooms_join_by_script(conn, letter->text);
    else
      rooms_leave_by_script(conn, letter->text);
  }
}

void remote_receive(void *arg, const struct bus_letter *letter) {
  struct protocol *protocol = arg;
  struct conn *conn = NULL;
  if (letter->to == BUS_CONN)
    conn = manager_conn(&protocol->manager, letter->conn);
  if (letter->late)
    late_receive(&protocol->manager, letter);
  if (letter->what == BUS_LATE)
    return;
  if (letter->what == BUS_MOVE)
    move_receive_take(protocol, letter->load);
  else if (letter->era)
    numbered_receive(&protocol->manager, letter);
  else if (letter->what == BUS_SEND || letter->what == BUS_CLOSE)
    publish_receive(&protocol->manager, letter);
  else if (letter->what == BUS_ONLINE || letter->what == BUS_OFFLINE)
    online_note(protocol, letter->target, letter->what == BUS_ONLINE);
  else if (letter->what == BUS_LOOK)
    roster_look(&protocol->roster);
  else if (letter->what == BUS_PROBE)
    probe_receive(protocol, letter);
  else if (letter->to == BUS_USER)
    move_user(protocol, letter);
  else if (conn && letter->what == BUS_INFO)
    roster_tell_take(conn,
                     *letter->text
                         ? presence_info_new(letter->text, strlen(letter->text))
                         : NULL);
  else if (conn && letter->what == BUS_JOIN)
    rooms_join_by_script(conn, letter->text);
  else if (conn)
    rooms_leave_by_script(conn, letter->text);
}
