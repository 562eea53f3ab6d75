/* SPDX-License-Identifier: MIT
 * Away and back. */
#include "protocol/away.h"

#include "config/config.h"
#include "protocol/heartbeat.h"
#include "protocol/session.h"

#include <string.h>

/* What scripts are to be told, in this order. */
enum { NEWS_AWAY = 1, NEWS_BACK = 2 };

static struct away *away_of(const struct conn *conn) {
  return conn->replay->away;
}

static void tell_later(struct conn *conn) {
  turn_add(&protocol_of(conn)->host.turn, TURN_CLIENTS, &client_of(conn)->task);
}

void away_begin(struct conn *conn) {
  struct protocol *protocol = protocol_of(conn);
  struct client *client = client_of(conn);
  double keep_ms = protocol->config->session_keep_s * 1000.0;
  protocol->stats.sessions_parked++;
  manager_park(&protocol->manager, conn);
  away_of(conn)->until_ms = uv_now(protocol->loop) + (uint64_t)keep_ms;
  /* Somebody waits for its place, and will not wait longer than for the answer
   * that was due. */
  if (client->probe_ms && client->probe_ms < away_of(conn)->until_ms)
    away_of(conn)->until_ms = client->probe_ms;
  /* That it was back in between is no news any more. If only that waits to be
   * told, scripts think it away as it is. */
  client->news = client->news == NEWS_BACK ? 0 : NEWS_AWAY;
  tell_later(conn);
  heartbeat_arm(conn);
}

void away_end(struct conn *conn) {
  client_of(conn)->news |= NEWS_BACK;
  tell_later(conn);
}

static void tell_away(struct conn *conn) {
  const char *why = away_of(conn)->why;
  session_run_hook(conn, HOOK_AWAY,
                   (struct call_arg){CALL_STRING, why, strlen(why)},
                   (struct call_arg){.kind = CALL_NIL});
}

void away_tell(struct conn *conn) {
  static const struct call_arg nothing = {.kind = CALL_NIL};
  struct client *client = client_of(conn);
  while (client->news && !conn_is_busy(conn)) {
    bool away = client->news & NEWS_AWAY;
    if (!conn_is_open(conn)) {
      client->news = 0; /* its end is what they hear of */
    } else if (away) {
      client->news &= NEWS_BACK;
      tell_away(conn);
    } else {
      client->news = 0;
      session_run_hook(conn, HOOK_BACK, nothing, nothing);
    }
  }
}

void away_hurry(struct conn *conn, uint32_t ms) {
  uint64_t until = uv_now(conn->owner->loop) + ms;
  if (until < away_of(conn)->until_ms)
    away_of(conn)->until_ms = until;
  heartbeat_arm(conn);
}

uint64_t away_until_ms(const struct conn *conn) {
  return away_of(conn)->until_ms;
}

void away_lose(struct conn *conn) {
  conn->owner->stats->sessions_lost++;
  conn_close(conn, CLOSE_ABNORMAL, "lost");
}

void away_forbid(struct protocol *protocol) {
  struct manager *manager = &protocol->manager;
  manager->owner.parks = false;
  protocol->draining = true;
  while (!list_empty(&manager->away))
    conn_close(container_of(manager->away.next, struct away, node)->conn,
               CLOSE_SHUTDOWN, NULL);
}
