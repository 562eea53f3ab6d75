/* SPDX-License-Identifier: MIT
 * From open to farewell. */
#include "protocol/session.h"

#include "base/err.h"
#include "base/log.h"
#include "protocol/answer.h"
#include "protocol/heartbeat.h"
#include "protocol/inbox.h"
#include "protocol/probe.h"
#include "protocol/router.h"
#include "script/call.h"
#include "script/lib_client.h"

/* When the server is full: who knows when somebody goes. */
enum { FULL_MS = 5000 };

static void on_turn(struct task *task) {
  session_idle(&container_of(task, struct client, task)->conn);
}

void session_open(struct protocol *protocol, struct conn *conn,
                  const char *address) {
  client_of(conn)->task.run = on_turn;
  int err = manager_add(&protocol->manager, conn, address);
  log_debug("conn=%llu opened ip=%s", (unsigned long long)conn->id, address);
  if (err == ERR_LIMIT_EXCEEDED)
    answer_try_later(conn,
                     probe_network(protocol, conn->address->network->text));
  else if (err)
    answer_try_later(conn, FULL_MS + (uint32_t)random() % FULL_MS);
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
  client_of(conn)->greeted = true;
  run_hook(conn, HOOK_CONNECT, nothing, nothing);
}

/* Lua's side of it is over: its objects are empty from now on. */
static void release(struct protocol *protocol, struct conn *conn) {
  struct host *host = &protocol->host;
  if (host->live)
    lib_client_release(host->live, conn);
  if (host->incoming)
    lib_client_release(host->incoming, conn);
  LIST_FOREACH (it, &host->retiring)
    lib_client_release(container_of(it, struct generation, node), conn);
  manager_farewell(&protocol->manager, conn);
}

/* The next hook of the farewell. */
static void farewell_step(struct conn *conn) {
  struct client *client = client_of(conn);
  uint32_t step = client->farewells++;
  const char *reason =
      conn->close_code == CLOSE_KICKED ? "kicked" : "disconnected";
  if (step < conn->room_count)
    run_hook(conn, HOOK_LEAVE, string(conn->rooms[step].room->name),
             string(reason));
  else if (step == conn->room_count && client->greeted)
    run_hook(conn, HOOK_DISCONNECT, string(conn_close_reason(conn)), nothing);
}

/* Its handlers, or its last messages for their turn. */
static bool waits(const struct conn *conn) {
  return conn_is_busy(conn) || client_of(conn)->inbox;
}

static void say_farewell(struct protocol *protocol, struct conn *conn) {
  struct client *client = client_of(conn);
  const struct turn *turn = &protocol->host.turn;
  heartbeat_arm(conn); /* from now on the deadline of closing counts */
  if (!conn->peer_closed || client->login)
    inbox_drop(conn);
  if (!conn_is_busy(conn))
    router_go_on(conn);
  while (!waits(conn) && !turn_part_over(turn) &&
         client->farewells <= conn->room_count)
    farewell_step(conn);
  if (waits(conn)) /* session_idle brings it back */
    list_push(&protocol->manager.lingering, &conn->node);
  else if (client->farewells <= conn->room_count)
    list_push(&protocol->manager.gone, &conn->node);
  else
    release(protocol, conn);
}

void session_reap(struct protocol *protocol) {
  struct list *node;
  /* Hooks may close further connections: they come at the end of the list. */
  if (list_empty(&protocol->manager.gone))
    return;
  turn_part_begin(&protocol->host.turn);
  while (!turn_part_over(&protocol->host.turn) &&
         (node = list_shift(&protocol->manager.gone)))
    say_farewell(protocol, container_of(node, struct conn, node));
}

void session_idle(struct conn *conn) {
  if (conn_is_busy(conn))
    return; /* another call of it waits still */
  router_go_on(conn);
  if (conn_is_open(conn) || waits(conn))
    return;
  list_remove(&conn->node); /* it lingered */
  list_push(&manager_of(conn)->gone, &conn->node);
}
