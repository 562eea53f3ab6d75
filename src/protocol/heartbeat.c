/* SPDX-License-Identifier: MIT
 * Deadlines of connections. */
#include "protocol/heartbeat.h"

#include "base/err.h"
#include "config/config.h"
#include "protocol/away.h"
#include "protocol/hold.h"
#include "protocol/resume.h"

#include <time.h>

/* How long a closing connection may take to write what is queued. */
enum { CLOSING_MS = 5000 };

/* The kernel dates what it received by its ticks, of up to this length. */
enum { KERNEL_TICK_MS = 10 };

static uint64_t to_ms(double seconds) {
  return (uint64_t)(seconds * 1000.0);
}

static uint64_t earlier(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* A number in 1..max. Spreads the first pings of clients that came together;
 * nothing secret depends on it. */
static uint64_t random_up_to(uint64_t max) {
  return 1 + (uint64_t)random() % (max ? max : 1);
}

static bool has_answered(const struct conn *conn) {
  return conn->last_frame_ms >= client_of(conn)->pinged_ms;
}

static void send_ping(struct conn *conn, uint64_t now, uint64_t interval) {
  struct client *client = client_of(conn);
  /* An unanswered ping keeps its time: its deadline must not move. */
  if (has_answered(conn))
    client->pinged_ms = now;
  client->next_ping_ms = now + interval;
  const struct protocol *protocol = protocol_of(conn);
  if (conn->keeps)
    resume_ask(conn);
  else if (!conn->raw)
    (void)conn_send_control(conn, protocol->ping); /* a full queue closes it */
  /* Its library answers for a client whose own code does not. */
  if (conn->raw || !client->says_pong)
    (void)conn_send_control(conn, protocol->ping_frame);
}

/* Whether it is enough that the peer's system acknowledges what it is sent: if
 * we do not read it, and in development mode for what is typed by hand. */
static bool may_be_silent(const struct conn *conn) {
  const struct client *client = client_of(conn);
  return client->held ||
         (protocol_of(conn)->host.development && !client->says_pong);
}

/* Before a connection counts as dead: bytes that were no message for us, such
 * as the pings of a WebSocket library, are a sign of life too. */
static void look_closer(struct conn *conn, uint64_t now) {
  struct client *client = client_of(conn);
  uint64_t silent = conn->io->silent_ms(conn);
  if (may_be_silent(conn))
    silent = earlier(silent, conn->io->unanswered_ms(conn));
  if (silent >= now - KERNEL_TICK_MS)
    return;
  /* What came just before a probe does not answer it. */
  uint64_t heard = now - silent - KERNEL_TICK_MS;
  if (!client->probe_ms)
    heard += 2 * KERNEL_TICK_MS;
  if (heard > now)
    heard = now;
  if (heard > conn->last_frame_ms)
    conn->last_frame_ms = heard;
}

/* Loop time at which the token's grace is over. */
static uint64_t expiry_ms(const struct conn *conn, uint64_t now) {
  const struct client *client = client_of(conn);
  if (!client->expires_s)
    return UINT64_MAX;
  /* Not earlier than the check that let the token in would allow. */
  int64_t leeway = (int64_t)protocol_of(conn)->config->auth_leeway_s;
  int64_t grace =
      leeway > HEARTBEAT_TOKEN_GRACE_S ? leeway + 1 : HEARTBEAT_TOKEN_GRACE_S;
  int64_t left = client->expires_s + grace - time(NULL);
  return left <= 0 ? now : now + (uint64_t)left * 1000;
}

/* When it counts as dead if nothing comes. */
static uint64_t answer_due(const struct conn *conn, uint64_t timeout) {
  const struct client *client = client_of(conn);
  uint64_t due = client->pinged_ms + timeout;
  return client->probe_ms ? earlier(due, client->probe_ms) : due;
}

static uint64_t look_at_away(struct conn *conn, uint64_t now) {
  if (now < away_until_ms(conn))
    return away_until_ms(conn);
  away_lose(conn);
  return UINT64_MAX;
}

static uint64_t fall_silent(struct conn *conn, uint64_t now) {
  conn->owner->stats->ping_timeouts++;
  conn_close(conn, CLOSE_PING_TIMEOUT, NULL);
  return conn->state == CONN_AWAY ? look_at_away(conn, now) : now + CLOSING_MS;
}

static uint64_t look_at_ready(struct conn *conn, uint64_t now) {
  struct client *client = client_of(conn);
  const struct config *config = protocol_of(conn)->config;
  uint64_t interval = to_ms(config->heartbeat_interval_s);
  uint64_t timeout = to_ms(config->heartbeat_timeout_s);
  if (!client->next_ping_ms)
    client->next_ping_ms = now + random_up_to(interval);
  if (expiry_ms(conn, now) <= now) {
    conn_close(conn, CLOSE_TOKEN_EXPIRED, NULL);
    return now + CLOSING_MS;
  }
  if (!has_answered(conn) && now >= answer_due(conn, timeout))
    look_closer(conn, now);
  if (has_answered(conn))
    client->probe_ms = 0;
  else if (now >= answer_due(conn, timeout))
    return fall_silent(conn, now);
  if (now >= client->next_ping_ms)
    send_ping(conn, now, interval);
  uint64_t due = earlier(client->next_ping_ms, expiry_ms(conn, now));
  return has_answered(conn) ? due : earlier(due, answer_due(conn, timeout));
}

/* It is not known yet who it is. */
static uint64_t look_at_new(struct conn *conn, uint64_t now) {
  struct client *client = client_of(conn);
  struct protocol *protocol = protocol_of(conn);
  bool awaits_place = client->session == SESSION_AWAITS_PLACE;
  uint64_t deadline =
      awaits_place ? client->login->until_ms
                   : conn->opened_ms + to_ms(protocol->config->auth_timeout_s);
  if (now < deadline)
    return deadline;
  if (awaits_place) { /* protocol/session decides, and arms the timer again */
    turn_add(&protocol->host.turn, TURN_CLIENTS, &client->task);
    return UINT64_MAX;
  }
  conn_close(conn, CLOSE_AUTH_TIMEOUT, NULL);
  return now + CLOSING_MS;
}

static uint64_t look_at_closing(struct conn *conn, uint64_t now) {
  uint64_t deadline = conn->closing_ms + CLOSING_MS;
  if (now < deadline)
    return deadline;
  conn->io->kill(conn);
  return UINT64_MAX;
}

/* Does what is due; returns the next deadline. */
static uint64_t look_at_deadlines(struct conn *conn, uint64_t now) {
  switch (conn->state) {
  case CONN_NEW:
    return look_at_new(conn, now);
  case CONN_READY:
    return look_at_ready(conn, now);
  case CONN_AWAY:
    return look_at_away(conn, now);
  case CONN_CLOSING:
    return look_at_closing(conn, now);
  case CONN_CLOSED:
  case CONN_STATES:
    break;
  }
  return UINT64_MAX;
}

/* One that has flooded is read again: now, when it is over, and also when it
 * closes, as it has to answer that. */
static uint64_t resume_reading(struct conn *conn, uint64_t now) {
  struct client *client = client_of(conn);
  if (!client->resume_ms)
    return UINT64_MAX;
  if (now < client->resume_ms && conn_is_open(conn))
    return client->resume_ms;
  client->resume_ms = 0;
  hold_clear(conn, HOLD_RATE);
  return UINT64_MAX;
}

void heartbeat_arm(struct conn *conn) {
  struct client *client = client_of(conn);
  uint64_t now = uv_now(conn->owner->loop);
  uint64_t due = look_at_deadlines(conn, now);
  due = earlier(due, resume_reading(conn, now));
  if (due == UINT64_MAX)
    wheel_unset(&client->deadline);
  else
    wheel_set(&protocol_of(conn)->wheel, &client->deadline, due);
}

void heartbeat_due(struct deadline *deadline) {
  heartbeat_arm(&container_of(deadline, struct client, deadline)->conn);
}

uint32_t heartbeat_probe_ms(const struct protocol *protocol) {
  uint64_t timeout = to_ms(protocol->config->heartbeat_timeout_s);
  return (uint32_t)earlier(timeout, HEARTBEAT_PROBE_MS);
}

void heartbeat_probe(struct conn *conn) {
  struct client *client = client_of(conn);
  const struct protocol *protocol = protocol_of(conn);
  uint64_t now = uv_now(conn->owner->loop);
  if (conn->state == CONN_AWAY)
    away_hurry(conn, heartbeat_probe_ms(protocol));
  if (conn->state != CONN_READY || client->probe_ms)
    return;
  conn->owner->stats->probes++;
  client->probe_ms = now + heartbeat_probe_ms(protocol);
  if (conn->last_frame_ms >= now)
    conn->last_frame_ms = now - 1;
  send_ping(conn, now, to_ms(protocol->config->heartbeat_interval_s));
  heartbeat_arm(conn);
}
