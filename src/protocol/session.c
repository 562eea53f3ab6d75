/* SPDX-License-Identifier: MIT
 * From open to closed.
 *
 * The login of one too many. A user may have limits.per_user connections. When
 * one more comes, some of those may be dead: a phone that lost its network
 * comes back long before the server notices. To refuse the phone would lock
 * its owner out; to close the oldest would let two tabs throw each other out
 * for ever. So those that hold a place are pinged at once (protocol/probe), on
 * every worker, and the new one waits in AWAITS_PLACE. What it sends meanwhile
 * waits in its inbox. Those that do not answer are closed 4001 and have made
 * way when the time is over; then there is a place, or the limit is real and
 * the new one is closed 4504. Its timer (protocol/heartbeat) queues its task
 * at that time, as a message that waits for its turn does; so one function,
 * on_session_turn, is where a client goes on by itself. */
#include "protocol/session.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "hub/publish.h"
#include "hub/tell.h"
#include "protocol/answer.h"
#include "protocol/away.h"
#include "protocol/heartbeat.h"
#include "protocol/hold.h"
#include "protocol/inbox.h"
#include "protocol/probe.h"
#include "protocol/resume.h"
#include "protocol/settle.h"
#include "script/call.h"
#include "script/lib_client.h"

/* When the server is full: who knows when somebody goes. */
enum { FULL_MS = 5000 };

static uint32_t full_ms(void) {
  return FULL_MS + (uint32_t)random() % FULL_MS;
}

/* The only place that changes the state; an impossible step is a bug. */
static void change_session(struct conn *conn, enum session_state state) {
  static const bool allowed[SESSION_STATES][SESSION_STATES] = {
      [SESSION_NEW] = {[SESSION_AWAITS_KEY] = true,
                       [SESSION_AWAITS_PLACE] = true,
                       [SESSION_RESUMES] = true,
                       [SESSION_GREETED] = true,
                       [SESSION_ENDS] = true},
      [SESSION_AWAITS_KEY] = {[SESSION_NEW] = true, [SESSION_ENDS] = true},
      [SESSION_AWAITS_PLACE] =
          {[SESSION_GREETED] = true, [SESSION_ENDS] = true},
      [SESSION_RESUMES] = {[SESSION_NEW] = true, [SESSION_ENDS] = true},
      [SESSION_GREETED] = {[SESSION_LEAVES] = true},
  };
  struct client *client = client_of(conn);
  if (!allowed[client->session][state])
    log_fatal("conn=%llu impossible session change %d to %d",
              (unsigned long long)conn->id, client->session, state);
  client->session = (uint8_t)state;
}

void session_run_hook(struct conn *conn, enum hook hook, struct call_arg second,
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

/* --- opened ------------------------------------------------------------- */

static void decide_place(struct conn *conn);

static void on_session_turn(struct task *task) {
  struct client *client = container_of(task, struct client, task);
  if (client->session == SESSION_AWAITS_PLACE)
    decide_place(&client->conn);
  else if (client->session == SESSION_RESUMES)
    resume_decide(&client->conn);
  else
    session_idle(&client->conn);
}

void session_open(struct protocol *protocol, struct conn *conn,
                  const char *address) {
  client_of(conn)->task.run = on_session_turn;
  int err = manager_add(&protocol->manager, conn, address);
  log_debug("conn=%llu opened ip=%s", (unsigned long long)conn->id, address);
  if (err == ERR_LIMIT_EXCEEDED)
    answer_try_later(conn,
                     probe_network(protocol, conn->address->network->text));
  else if (err)
    answer_try_later(conn, full_ms());
  heartbeat_arm(conn);
}

void session_await_key(struct conn *conn) {
  change_session(conn, SESSION_AWAITS_KEY);
  inbox_hold(conn);
}

void session_key_came(struct conn *conn) {
  if (client_of(conn)->session == SESSION_AWAITS_KEY)
    change_session(conn, SESSION_NEW);
}

void session_await_resume(struct conn *conn) {
  change_session(conn, SESSION_RESUMES);
  inbox_hold(conn);
  hold_set(conn, HOLD_MOVE);
  turn_add(&protocol_of(conn)->host.turn, TURN_CLIENTS, &client_of(conn)->task);
}

/* That there was a place for it was seen where it came to. Somebody else may
 * have taken it meanwhile; one that goes on with a session has it all the same.
 */
void session_adopt(struct protocol *protocol, struct conn *conn,
                   const char *address, struct inbox *inbox) {
  client_of(conn)->task.run = on_session_turn;
  client_of(conn)->inbox = inbox;
  client_of(conn)->is_too_many =
      manager_add(&protocol->manager, conn, address) != 0;
  change_session(conn, SESSION_RESUMES);
  heartbeat_arm(conn);
}

void session_not_resumed(struct conn *conn) {
  change_session(conn, SESSION_NEW);
  hold_clear(conn, HOLD_MOVE);
  if (client_of(conn)->is_too_many)
    answer_try_later(conn, full_ms());
}

/* --- verdicts ----------------------------------------------------------- */

void session_refuse(struct conn *conn, const struct msg_id *id,
                    const struct denial *denial) {
  conn->owner->stats->auth_failed++;
  log_info("conn=%llu ip=%s auth refused code=%s %s",
           (unsigned long long)conn->id, conn->address->text, denial->code,
           denial->why);
  if (!conn->raw)
    denial_send(conn, id, denial);
  conn_close(conn, denial_close_code(denial), NULL);
}

static void greet_client(struct conn *conn) {
  static const struct call_arg nothing = {.kind = CALL_NIL};
  change_session(conn, SESSION_GREETED);
  session_run_hook(conn, HOOK_CONNECT, nothing, nothing);
}

void session_let_in_nobody(struct conn *conn) {
  conn_ready(conn);
  tell_connected(conn);
  log_info("conn=%llu ip=%s raw, without a user", (unsigned long long)conn->id,
           conn->address->text);
  heartbeat_arm(conn);
  greet_client(conn);
}

/* The first time that there is none: those that have one are asked. */
static void no_place(struct conn *conn, const struct msg_id *id) {
  struct client *client = client_of(conn);
  struct protocol *protocol = protocol_of(conn);
  if (client->session == SESSION_AWAITS_PLACE) {
    log_info("conn=%llu user=%s has too many connections",
             (unsigned long long)conn->id, conn->claimant);
    conn_close(conn, CLOSE_CONNECTION_LIMIT, NULL);
    return;
  }
  client->login = mem_alloc(sizeof *client->login);
  client->login->id = *id;
  client->login->until_ms =
      uv_now(protocol->loop) + probe_user(protocol, conn->claimant);
  change_session(conn, SESSION_AWAITS_PLACE);
  inbox_hold(conn);
  heartbeat_arm(conn);
}

static void tell_let_in(struct conn *conn, const struct msg_id *id) {
  struct buf session = {0};
  if (conn->raw)
    return;
  resume_begin(conn, &session);
  answer_auth_ok(conn, id, &session);
  buf_free(&session);
}

static void let_in(struct conn *conn, const struct msg_id *id,
                   uint32_t elsewhere) {
  struct manager *manager = manager_of(conn);
  if (conn->state != CONN_NEW)
    return;
  if (manager_login(manager, conn, conn->claimant, elsewhere)) {
    no_place(conn, id);
    return;
  }
  mem_free(conn->claimant);
  conn->claimant = NULL;
  if (protocol_of(conn)->config->auth_sessions == AUTH_SINGLE)
    publish_close_older(manager, conn, CLOSE_REPLACED);
  conn->owner->stats->auth_ok++;
  log_info("conn=%llu user=%s ip=%s authenticated",
           (unsigned long long)conn->id, conn->user->id, conn->address->text);
  heartbeat_arm(conn);
  tell_let_in(conn, id);
  greet_client(conn);
}

/* Where other machines are not heard, it is let in all the same. */
static void on_user_settled(struct conn *conn, void *arg, int err,
                            uint32_t elsewhere) {
  struct msg_id *id = arg;
  (void)err;
  let_in(conn, id, elsewhere);
  mem_free(id);
}

void session_let_in(struct conn *conn, const struct msg_id *id) {
  if (conn->state != CONN_NEW)
    return;
  struct msg_id *copy = NULL;
  if (manager_of(conn)->others) {
    copy = mem_alloc(sizeof *copy);
    *copy = *id;
  }
  if (settle_begin(conn, BUS_USER, conn->claimant, strlen(conn->claimant),
                   on_user_settled, copy))
    return;
  mem_free(copy);
  let_in(conn, id, 0);
}

static void decide_place(struct conn *conn) {
  struct client *client = client_of(conn);
  struct login *waited = client->login;
  client->login = NULL;
  session_let_in(conn, &waited->id);
  mem_free(waited);
  if (conn_is_open(conn))
    session_go_on(conn);
}

void session_forget_fields(struct conn *conn) {
  const struct host *host = &protocol_of(conn)->host;
  lib_client_forget_fields(host->live, conn);
  LIST_FOREACH (it, &host->retiring)
    lib_client_forget_fields(container_of(it, struct generation, node), conn);
}

void session_refresh(struct conn *conn, const struct msg_id *id,
                     struct jwt_claims *claims) {
  if (strcmp(claims->user, conn->user->id) != 0) {
    struct denial denial =
        denial_of(ERR_INVALID_TOKEN, "refresh for another user");
    session_refuse(conn, id, &denial);
    return;
  }
  client_of(conn)->expires_s = claims->expires;
  mem_free(conn->claims);
  conn->claims = claims->json;
  claims->json = NULL;
  session_forget_fields(conn);
  manager_tell_changed(conn);
  answer_auth_ok(conn, id, &(struct buf){0});
  heartbeat_arm(conn);
}

/* --- busy, idle, closed ------------------------------------------------- */

void session_go_on(struct conn *conn) {
  away_tell(conn);
  if (!conn_is_busy(conn) && !client_awaits(client_of(conn)))
    inbox_go_on(conn);
}

void session_idle(struct conn *conn) {
  if (conn_is_busy(conn))
    return; /* another call of it waits still */
  session_go_on(conn);
  if (conn_is_open(conn) || client_is_occupied(conn))
    return;
  list_remove(&conn->node); /* it lingered */
  list_push(&manager_of(conn)->gone, &conn->node);
}

void session_leave(struct conn *conn) {
  struct client *client = client_of(conn);
  bool awaited = client->session == SESSION_AWAITS_PLACE ||
                 client->session == SESSION_RESUMES;
  if (client->session == SESSION_LEAVES || client->session == SESSION_ENDS)
    return;
  change_session(conn, client->session == SESSION_GREETED ? SESSION_LEAVES
                                                          : SESSION_ENDS);
  if (!conn->peer_closed || awaited)
    inbox_drop(conn);
  if (!client->inbox) /* it may have been its turn for something else */
    list_remove(&client->task.node);
}
