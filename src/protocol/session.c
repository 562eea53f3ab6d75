/* SPDX-License-Identifier: MIT
 * From open to farewell. */
#include "protocol/session.h"

#include "base/log.h"
#include "protocol/heartbeat.h"
#include "script/call.h"
#include "script/lib_client.h"

void session_open(struct protocol *protocol, struct conn *conn,
                  const char *address) {
  int err = manager_add(&protocol->manager, conn, address);
  log_debug("conn=%llu opened ip=%s", (unsigned long long)conn->id, address);
  if (err)
    conn_close(conn, CLOSE_CONNECTION_LIMIT, NULL);
  heartbeat_arm(conn);
}

static void run_hook(struct conn *conn, enum hook hook, struct call_arg second,
                     struct call_arg third) {
  struct generation *live = protocol_of(conn)->host.live;
  if (!live || !live->hooks[hook])
    return;
  struct call_spec spec = {.handler = live->hooks[hook],
                           .conn = conn,
                           .args = {{.kind = CALL_CLIENT}, second, third},
                           .nargs = CALL_ARGS_MAX};
  call_run(live, &spec);
}

static struct call_arg string(const char *text) {
  return (struct call_arg){CALL_STRING, text, strlen(text)};
}

static const struct call_arg nothing = {.kind = CALL_NIL};

void session_greet(struct conn *conn) {
  conn->greeted = true;
  run_hook(conn, HOOK_CONNECT, nothing, nothing);
}

static void say_farewell(struct protocol *protocol, struct conn *conn) {
  const char *reason =
      conn->close_code == CLOSE_KICKED ? "kicked" : "disconnected";
  heartbeat_arm(conn); /* from now on the deadline of closing counts */
  for (uint32_t i = 0; i < conn->room_count; i++)
    run_hook(conn, HOOK_LEAVE, string(conn->rooms[i].room->name),
             string(reason));
  if (conn->greeted)
    run_hook(conn, HOOK_DISCONNECT, string(conn_close_reason(conn)), nothing);
  if (protocol->host.live)
    lib_client_release(protocol->host.live, conn);
  manager_farewell(&protocol->manager, conn);
}

void session_reap(struct protocol *protocol) {
  struct list *node;
  /* Hooks may close further connections: they come at the end of the list. */
  while ((node = list_shift(&protocol->manager.gone))) {
    struct conn *conn = container_of(node, struct conn, node);
    say_farewell(protocol, conn);
  }
}
