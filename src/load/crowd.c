/* SPDX-License-Identifier: MIT
 * All clients of a run. */
#include "load/crowd.h"

#include "base/err.h"
#include "base/mem.h"
#include "protocol/field.h"
#include "wire/json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
  UNDER_WAY = 64,         /* clients that come in at the same time */
  UNDER_WAY_PACED = 4096, /* the same, when --ramp sets the pace */
  TOKEN_LIFE_S = 24 * 3600,
  CODE_BYTES = 64
};

static struct crowd *crowd_of(struct peer *peer) {
  return peer->peers->arg;
}

static struct client *crowd_client(struct peer *peer) {
  return container_of(peer, struct client, peer);
}

static void leave_stage(struct crowd *crowd, struct client *client) {
  int room = plan_room_of(crowd->plan, client->peer.index);
  if (client->stage == CLIENT_IN) {
    crowd->in--;
    if (room >= 0)
      crowd->members[room]--;
  } else if (client->stage != CLIENT_OUT) {
    crowd->under_way--;
  }
  client->stage = CLIENT_OUT;
}

static void note_error(struct crowd *crowd, const char *name) {
  snprintf(crowd->last_error, sizeof crowd->last_error, "%s", name);
  tally_add(crowd->errors, "%s", name);
}

/* --- coming in ---------------------------------------------------------- */

static void put_claim(struct buf *out, const char *name, const char *value) {
  if (!value || !value[0])
    return;
  buf_printf(out, ",\"%s\":", name);
  json_put_string(out, value, strlen(value));
}

/* NULL when the key can only verify. */
static char *make_token(const struct plan *plan, unsigned number) {
  struct buf claims = {0};
  char *token = NULL;
  long long now = (long long)time(NULL);
  buf_printf(&claims, "{\"%s\":\"", jwt_user_claim(plan->key));
  dialect_put_name(&claims, number);
  buf_printf(&claims, "\",\"iat\":%lld,\"exp\":%lld", now, now + TOKEN_LIFE_S);
  put_claim(&claims, "iss", plan->issuer);
  put_claim(&claims, "aud", plan->audience);
  buf_put(&claims, "}", 2);
  if (jwt_sign(plan->key, claims.data, &token))
    token = NULL;
  buf_free(&claims);
  return token;
}

static const char *token_of(const struct crowd *crowd, struct client *client) {
  const struct plan *plan = crowd->plan;
  if (plan->token || !plan->dialect->has_tokens)
    return plan->token;
  if (!client->token)
    client->token = make_token(plan, client->peer.index);
  return client->token ? client->token : "";
}

void crowd_make_tokens(struct crowd *crowd) {
  for (unsigned i = 0; i < crowd->total; i++)
    token_of(crowd, &crowd->clients[i]);
}

static void send_auth(struct crowd *crowd, struct client *client) {
  struct buf text = {0};
  crowd->plan->dialect->put_auth(&text, client->peer.index,
                                 token_of(crowd, client));
  client->stage = CLIENT_AUTH;
  peer_send(&client->peer, text.data, text.len);
  buf_free(&text);
}

static void on_peer_open(struct peer *peer) {
  struct crowd *crowd = crowd_of(peer);
  if (!crowd->plan->dialect->speaks_second)
    send_auth(crowd, crowd_client(peer));
}

static void become_in(struct crowd *crowd, struct client *client) {
  int room = plan_room_of(crowd->plan, client->peer.index);
  client->stage = CLIENT_IN;
  client->was_in = true;
  crowd->under_way--;
  crowd->in++;
  if (room >= 0)
    crowd->members[room]++;
  if (crowd->events->in)
    crowd->events->in(crowd->arg, client);
}

static void on_auth_ok(struct crowd *crowd, struct client *client) {
  int room = plan_room_of(crowd->plan, client->peer.index);
  struct buf text = {0};
  if (room < 0) {
    become_in(crowd, client);
    return;
  }
  client->stage = CLIENT_JOINING;
  crowd->plan->dialect->put_join(&text, (unsigned)room);
  peer_send(&client->peer, text.data, text.len);
  buf_free(&text);
}

static void fail_client(struct crowd *crowd, struct client *client,
                        const char *name) {
  note_error(crowd, name);
  if (client->stage != CLIENT_IN)
    crowd->failed++;
  leave_stage(crowd, client);
  peer_close(&client->peer, false);
}

/* --- what the server says ----------------------------------------------- */

static void on_error(struct crowd *crowd, struct client *client,
                     const struct envelope *env) {
  char code[CODE_BYTES];
  size_t len;
  if (!field_string(env, "code", code, sizeof code, &len))
    strcpy(code, "error without a code");
  if (client->stage == CLIENT_IN)
    note_error(crowd, code);
  else
    fail_client(crowd, client, code);
}

static void send_pong(struct crowd *crowd, struct client *client) {
  struct buf text = {0};
  crowd->plan->dialect->put_pong(&text, client->received);
  peer_send(&client->peer, text.data, text.len);
  buf_free(&text);
}

/* Whether a session counts it: not what is about the connection. */
static bool is_counted(const struct envelope *env) {
  static const char *const others[] = {"auth_ok", "auth_error", "ping", "pong",
                                       "goodbye"};
  for (size_t i = 0; i < ARRAY_SIZE(others); i++)
    if (strcmp(env->type, others[i]) == 0)
      return false;
  return true;
}

/* Of a client that is in, error answers are for the traffic as well. */
static void on_envelope(struct crowd *crowd, struct client *client,
                        const struct envelope *env, const char *text,
                        size_t len) {
  bool in = client->stage == CLIENT_IN;
  if (strcmp(env->type, "ping") == 0) {
    send_pong(crowd, client);
    return;
  }
  if (strcmp(env->type, "error") == 0 || strcmp(env->type, "auth_error") == 0)
    on_error(crowd, client, env);
  else if (client->stage == CLIENT_COMING && strcmp(env->type, "hello") == 0)
    send_auth(crowd, client);
  else if (client->stage == CLIENT_AUTH && strcmp(env->type, "auth_ok") == 0)
    on_auth_ok(crowd, client);
  else if (client->stage == CLIENT_JOINING && strcmp(env->type, "reply") == 0)
    become_in(crowd, client);
  if (in && strcmp(env->type, "goodbye") != 0)
    crowd->events->message(crowd->arg, client, env, text, len);
}

static void on_peer_text(struct peer *peer, const char *text, size_t len) {
  struct crowd *crowd = crowd_of(peer);
  struct client *client = crowd_client(peer);
  struct envelope env;
  if (client->stage == CLIENT_IN &&
      crowd->events->text(crowd->arg, client, text, len)) {
    client->received++;
    return;
  }
  if (crowd->plan->dialect->hear(text, len, &env) == 0) {
    client->received += is_counted(&env);
    on_envelope(crowd, client, &env, text, len);
  } else
    note_error(crowd, "a message that is no envelope");
}

/* After an error answer the close that follows it is not one more. */
static void on_peer_lost(struct peer *peer, const char *why) {
  struct crowd *crowd = crowd_of(peer);
  struct client *client = crowd_client(peer);
  if (client->stage != CLIENT_OUT)
    fail_client(crowd, client, why);
}

static void on_peer_closed(struct peer *peer) {
  struct crowd *crowd = crowd_of(peer);
  if (crowd->events->closed)
    crowd->events->closed(crowd->arg, crowd_client(peer));
}

static const struct peer_events peer_events = {on_peer_open, on_peer_text,
                                               on_peer_lost, on_peer_closed};

/* --- all of them -------------------------------------------------------- */

int crowd_init(struct crowd *crowd, uv_loop_t *loop, struct buf *error) {
  const struct plan *plan = crowd->plan;
  crowd->total = plan_peers(plan);
  crowd->goal = plan->first ? plan->first : crowd->total;
  crowd->clients = mem_alloc(crowd->total * sizeof *crowd->clients);
  crowd->members = mem_alloc((plan_rooms(plan) + 1) * sizeof *crowd->members);
  crowd->net.events = &peer_events;
  crowd->net.arg = crowd;
  for (unsigned i = 0; i < crowd->total; i++)
    peer_init(&crowd->clients[i].peer, &crowd->net, i);
  struct target target = {.host = plan->host,
                          .path = plan->path,
                          .port = plan->port,
                          .tls = plan->tls,
                          .wait_s = plan->wait_s};
  return peers_init(&crowd->net, loop, &target, error);
}

void crowd_open(struct crowd *crowd, struct client *client, uint64_t since) {
  client->since = since;
  client->stage = CLIENT_COMING;
  client->was_in = false;
  client->received = 0;
  crowd->under_way++;
  peer_open(&client->peer);
}

void crowd_hang_up(struct crowd *crowd, struct client *client) {
  leave_stage(crowd, client);
  peer_close(&client->peer, true);
}

void crowd_give_up(struct crowd *crowd, struct client *client) {
  if (client->stage != CLIENT_OUT)
    fail_client(crowd, client, "no answer in time");
}

static unsigned allowed_by_now(const struct crowd *crowd, uint64_t now) {
  double ramp = crowd->plan->ramp;
  if (ramp <= 0)
    return crowd->goal;
  double n = 1 + ramp * (double)(now - crowd->start) / 1e9;
  return n < crowd->goal ? (unsigned)n : crowd->goal;
}

bool crowd_open_more(struct crowd *crowd, uint64_t now) {
  if (!crowd->start)
    crowd->start = now;
  unsigned many = crowd->plan->ramp > 0 ? UNDER_WAY_PACED : UNDER_WAY;
  unsigned limit = allowed_by_now(crowd, now);
  while (crowd->started < limit && crowd->under_way < many)
    crowd_open(crowd, &crowd->clients[crowd->started++], now);
  return crowd->started < crowd->goal || crowd->under_way > 0;
}

void crowd_close(struct crowd *crowd) {
  for (unsigned i = 0; i < crowd->total; i++) {
    leave_stage(crowd, &crowd->clients[i]);
    peer_close(&crowd->clients[i].peer, false);
  }
}

void crowd_free(struct crowd *crowd) {
  for (unsigned i = 0; i < crowd->total; i++) {
    peer_free(&crowd->clients[i].peer);
    mem_free(crowd->clients[i].token);
  }
  mem_free(crowd->clients);
  mem_free(crowd->members);
  peers_free(&crowd->net);
}
