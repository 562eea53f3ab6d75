/* SPDX-License-Identifier: MIT
 * The end of a connection, as scripts see it.
 *
 * Where a closed connection stands. conn_close puts it into manager->gone. If
 * a handler of it waits still, or messages that it sent before it closed do,
 * its farewell would come before their end: it is parked in
 * manager->lingering. session_idle brings it back to `gone` each time that
 * something of it has ended, and the farewell goes on where it stopped
 * (client->farewells). A hook of the farewell may wait, too, and parks it in
 * the same way. After the last hook it stands in no list, and is freed with
 * its socket.
 *
 * A user has at most limits.rooms_per_connection rooms, but thousands of
 * clients may go at once. So the farewells share a part of the turn (net/turn),
 * and what is left waits in `gone`. */
#include "protocol/farewell.h"

#include "protocol/heartbeat.h"
#include "protocol/session.h"
#include "script/lib_client.h"

static struct call_arg farewell_text(const char *text) {
  return (struct call_arg){CALL_STRING, text, strlen(text)};
}

/* Lua's side of it is over: its objects are empty from now on. */
static void release_client(struct protocol *protocol, struct conn *conn) {
  struct host *host = &protocol->host;
  if (host->live)
    lib_client_release(host->live, conn);
  if (host->incoming)
    lib_client_release(host->incoming, conn);
  LIST_FOREACH (it, &host->retiring)
    lib_client_release(container_of(it, struct generation, node), conn);
  manager_farewell(&protocol->manager, conn);
}

/* One for each room, and one for the connection. */
static bool has_farewells(const struct conn *conn) {
  return client_of(conn)->farewells <= conn->room_count;
}

static void next_farewell(struct conn *conn) {
  static const struct call_arg nothing = {.kind = CALL_NIL};
  struct client *client = client_of(conn);
  uint32_t step = client->farewells++;
  const char *reason =
      conn->close_code == CLOSE_KICKED ? "kicked" : "disconnected";
  if (step < conn->room_count)
    session_run_hook(conn, HOOK_LEAVE,
                     farewell_text(conn->rooms[step].room->name),
                     farewell_text(reason));
  else if (client->session == SESSION_LEAVES)
    session_run_hook(conn, HOOK_DISCONNECT,
                     farewell_text(conn_close_reason(conn)), nothing);
}

static void say_farewell(struct protocol *protocol, struct conn *conn) {
  const struct turn *turn = &protocol->host.turn;
  heartbeat_arm(conn); /* from now on the deadline of closing counts */
  session_leave(conn);
  session_go_on(conn);
  while (!client_is_occupied(conn) && !turn_part_over(turn) &&
         has_farewells(conn))
    next_farewell(conn);
  if (client_is_occupied(conn)) /* session_idle brings it back */
    list_push(&protocol->manager.lingering, &conn->node);
  else if (has_farewells(conn))
    list_push(&protocol->manager.gone, &conn->node);
  else
    release_client(protocol, conn);
}

void farewell_say(struct protocol *protocol) {
  struct list *node;
  /* Hooks may close further connections: they come at the end of the list. */
  if (list_empty(&protocol->manager.gone))
    return;
  turn_part_begin(&protocol->host.turn);
  while (!turn_part_over(&protocol->host.turn) &&
         (node = list_shift(&protocol->manager.gone)))
    say_farewell(protocol, container_of(node, struct conn, node));
}
