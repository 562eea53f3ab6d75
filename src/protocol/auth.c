/* SPDX-License-Identifier: MIT
 * Authentication. */
#include "protocol/auth.h"

#include "auth/jwt.h"
#include "base/log.h"
#include "base/mem.h"
#include "hub/delivery.h"
#include "protocol/answer.h"
#include "protocol/field.h"
#include "protocol/heartbeat.h"
#include "protocol/inbox.h"
#include "protocol/probe.h"
#include "protocol/protocol.h"
#include "protocol/router.h"
#include "protocol/session.h"
#include "script/lib_client.h"
#include "wire/json.h"

#include <time.h>

/* What a refusal says, to the client and to the log. */
struct refusal {
  const char *code, *text;
  struct call_arg data; /* of a script, JSON; len 0: none */
  bool retry;           /* the same client may be let in later */
  int64_t wait_s;       /* in so many seconds; 0: nobody knows */
  const char *why; /* static; for the log, and in development mode for all */
};

static void send_auth_error(struct conn *conn, const struct msg_id *id,
                            const struct refusal *refusal) {
  struct buf *out = answer_begin(conn, "auth_error", id);
  answer_put_code(out, refusal->code, refusal->text, refusal->data);
  buf_printf(out, ",\"retry\":%s", refusal->retry ? "true" : "false");
  if (refusal->wait_s > 0)
    buf_printf(out, ",\"retry_after_ms\":%lld",
               (long long)refusal->wait_s * 1000);
  if (protocol_of(conn)->host.development) {
    buf_puts(out, ",\"why\":");
    json_put_string(out, refusal->why, strlen(refusal->why));
  }
  buf_puts(out, "}}");
  answer_send(conn);
}

/* Final is only what the same client would meet again whatever time passes. */
static int close_code(const struct refusal *refusal) {
  if (!refusal->retry)
    return CLOSE_AUTH_FAILED;
  bool token = strncmp(refusal->code, "TOKEN_", strlen("TOKEN_")) == 0;
  return token ? CLOSE_TOKEN_EXPIRED : CLOSE_INTERNAL;
}

/* auth_error, and the close that follows when it has been written. Why is for
 * the log alone: a peer that guesses must not be helped; but who develops does
 * not guess. */
static void refuse(struct conn *conn, const struct msg_id *id,
                   const struct refusal *refusal) {
  conn->owner->stats->auth_failed++;
  log_info("conn=%llu ip=%s auth refused code=%s %s",
           (unsigned long long)conn->id, conn->address->text, refusal->code,
           refusal->why);
  if (!conn->raw)
    send_auth_error(conn, id, refusal);
  conn_close(conn, close_code(refusal), NULL);
}

/* That is said to everybody: it helps nobody to guess. */
static void refuse_without_token(struct conn *conn, const struct msg_id *id,
                                 const char *why) {
  struct refusal refusal = {
      .code = err_name(ERR_INVALID_TOKEN), .text = why, .why = why};
  refuse(conn, id, &refusal);
}

static void refuse_err(struct conn *conn, const struct msg_id *id, enum err err,
                       const char *why) {
  struct refusal refusal = {.code = err_name(err),
                            .text = err_text(err),
                            .retry = err_retry(err),
                            .why = why};
  refuse(conn, id, &refusal);
}

static void refuse_claims(struct conn *conn, const struct msg_id *id,
                          enum err err, const struct jwt_claims *claims) {
  struct refusal refusal = {.code = err_name(err),
                            .text = err_text(err),
                            .retry = err_retry(err),
                            .wait_s = claims->wait_s,
                            .why = claims->why};
  if (claims->hint)
    log_warn("auth: %s", claims->hint);
  refuse(conn, id, &refusal);
}

/* An integer: to write a double takes four times as long. */
static unsigned long long ms(double seconds) {
  return (unsigned long long)(seconds * 1000.0 + 0.5);
}

static void send_auth_ok(struct conn *conn, const struct msg_id *id) {
  struct client *client = client_of(conn);
  const struct protocol *protocol = protocol_of(conn);
  const struct config *config = protocol->config;
  struct buf *out = answer_begin(conn, "auth_ok", id);
  buf_puts(out, ",\"data\":{\"user\":");
  json_put_string(out, conn->user->id, strlen(conn->user->id));
  buf_printf(out, ",\"conn\":%llu,\"ping_ms\":%llu,\"pong_ms\":%llu",
             (unsigned long long)conn->id, ms(config->heartbeat_interval_s),
             ms(config->heartbeat_timeout_s));
  if (client->expires_s) {
    int64_t ttl = client->expires_s - time(NULL);
    buf_printf(out, ",\"ttl\":%lld", (long long)(ttl > 0 ? ttl : 0));
  }
  buf_printf(out, ",\"max_message\":%llu",
             (unsigned long long)config->limits_message_bytes);
  buf_printf(out,
             ",\"limits\":{\"messages_per_s\":%lld,\"burst\":%lld,"
             "\"bytes_per_s\":%lld,\"rooms\":%lld},\"proto\":1}}",
             (long long)config->limits_messages_per_s,
             (long long)config->limits_burst,
             (long long)config->limits_bytes_per_s,
             (long long)config->limits_rooms_per_connection);
  answer_send_control(conn);
}

/* --- login -------------------------------------------------------------- */

static void forget_claims(const struct host *host, struct conn *conn) {
  lib_client_forget_claims(host->live, conn);
  LIST_FOREACH (it, &host->retiring)
    lib_client_forget_claims(container_of(it, struct generation, node), conn);
}

/* The new token's claims count from now on, too: rights may have changed. */
static void refresh(struct conn *conn, const struct msg_id *id,
                    struct jwt_claims *claims) {
  if (strcmp(claims->user, conn->user->id) != 0) {
    refuse_err(conn, id, ERR_INVALID_TOKEN, "refresh for another user");
    return;
  }
  client_of(conn)->expires_s = claims->expires;
  mem_free(conn->claims);
  conn->claims = claims->json;
  claims->json = NULL;
  forget_claims(&protocol_of(conn)->host, conn);
  send_auth_ok(conn, id);
  heartbeat_arm(conn);
}

/* A login for which there was no place. */
struct login {
  uint64_t until_ms; /* loop time at which it is decided */
  struct msg_id id;
};

/* Of the user's connections some may be dead, in a network that was lost. Only
 * when they have answered the limit is one that stays. */
static void no_place(struct conn *conn, const struct msg_id *id) {
  struct client *client = client_of(conn);
  struct protocol *protocol = protocol_of(conn);
  if (client->login) {
    log_info("conn=%llu user=%s has too many connections",
             (unsigned long long)conn->id, conn->claimant);
    conn_close(conn, CLOSE_CONNECTION_LIMIT, NULL);
    return;
  }
  client->login = mem_alloc(sizeof *client->login);
  client->login->until_ms =
      uv_now(protocol->loop) + probe_user(protocol, conn->claimant);
  client->login->id = *id;
  inbox_hold(conn);
  heartbeat_arm(conn);
}

static void login(struct conn *conn, const struct msg_id *id) {
  if (conn->state != CONN_NEW)
    return; /* it closed, or logged in, while a hook decided */
  if (manager_login(manager_of(conn), conn, conn->claimant)) {
    no_place(conn, id);
    return;
  }
  mem_free(conn->claimant);
  conn->claimant = NULL;
  if (protocol_of(conn)->config->auth_sessions == AUTH_SINGLE)
    delivery_close_older(manager_of(conn), conn, CLOSE_REPLACED);
  conn->owner->stats->auth_ok++;
  log_info("conn=%llu user=%s ip=%s authenticated",
           (unsigned long long)conn->id, conn->user->id, conn->address->text);
  heartbeat_arm(conn);
  if (!conn->raw)
    send_auth_ok(conn, id);
  session_greet(conn);
}

uint64_t auth_waits_until(const struct conn *conn) {
  return client_of(conn)->login->until_ms;
}

void auth_go_on(struct conn *conn) {
  struct client *client = client_of(conn);
  struct login *waited = client->login;
  login(conn, &waited->id);
  client->login = NULL;
  mem_free(waited);
  if (conn_is_open(conn) && !conn_is_busy(conn))
    router_go_on(conn);
}

static void refuse_result(struct conn *conn, const struct msg_id *id,
                          const struct call_result *result) {
  struct refusal refusal = {.code = result->code,
                            .text = result->text,
                            .data = result->value[0],
                            .why = "refused by a script"};
  if (result->verdict != CALL_REFUSED) /* a reload may mend it */
    refusal = (struct refusal){.code = err_name(result->err),
                               .text = err_text(result->err),
                               .retry = true,
                               .why = "a hook failed"};
  refuse(conn, id, &refusal);
}

static void auth_hook_done(const struct call_spec *spec,
                           const struct call_result *result) {
  if (result->verdict != CALL_OK)
    refuse_result(spec->conn, &spec->id, result);
  else
    login(spec->conn, &spec->id);
}

/* The token said who it is; takes over the strings of `claims`. */
static void accept_take(struct conn *conn, const struct msg_id *id,
                        struct jwt_claims *claims) {
  struct generation *live = protocol_of(conn)->host.live;
  mem_free(conn->claimant);
  mem_free(conn->claims);
  conn->claimant = claims->user;
  conn->claims = claims->json;
  client_of(conn)->expires_s = claims->expires;
  claims->user = claims->json = NULL;
  if (!live->hooks[HOOK_AUTH]) {
    login(conn, id);
    return;
  }
  struct call_spec spec = {
      .handler = live->hooks[HOOK_AUTH],
      .conn = conn,
      .id = *id,
      .args = {{.kind = CALL_CLIENT},
               {CALL_JSON, conn->claims, strlen(conn->claims)}},
      .nargs = 2,
      .done = auth_hook_done};
  call_run(live, &spec);
}

/* Frees what is left of `claims`. */
static void decide(struct conn *conn, const struct msg_id *id, int err,
                   struct jwt_claims *claims) {
  if (!err && json_check(claims->json, strlen(claims->json), NULL)) {
    claims->why = "its claims are nested too deep";
    err = ERR_INVALID_TOKEN;
  }
  if (err)
    refuse_claims(conn, id, (enum err)err, claims);
  else if (conn->state == CONN_READY)
    refresh(conn, id, claims);
  else if (conn->state == CONN_NEW)
    accept_take(conn, id, claims);
  jwt_claims_free(claims);
}

/* --- @token ------------------------------------------------------------- */

/* The user that a script named: a string, or an integer in decimal. */
static char *user_of(const struct call_arg *value) {
  char user[USER_ID_BYTES + 1];
  bool whole;
  size_t len;
  struct json_scan scan = {value->text, value->text + value->len};
  if (value->len == 0)
    return NULL;
  if (*value->text == '"')
    len = json_unescape(value->text + 1, value->len - 2, user, USER_ID_BYTES);
  else if (json_scan_number(&scan, &whole) || !whole)
    return NULL;
  else
    memcpy(user, value->text, len = value->len);
  if (len == 0 || len > USER_ID_BYTES)
    return NULL;
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)user[i] < 0x20 || user[i] == 0x7f)
      return NULL;
  return mem_strndup(user, len);
}

/* `exp` of the claims that a script returned; 0 if there is none. NULL, or why
 * it cannot be. */
static const char *expiry_of(const struct call_arg *table, int64_t *expires) {
  const struct envelope claims = {.data = table->text, .data_len = table->len};
  const char *value;
  size_t len;
  *expires = 0;
  if (table->len == 0 || !field_find(&claims, "exp", &value, &len) ||
      !strchr("-0123456789", *value))
    return NULL;
  return claims_read_time(value, len, time(NULL), expires);
}

static void token_hook_done(const struct call_spec *spec,
                            const struct call_result *result) {
  struct jwt_claims claims = {0};
  if (result->verdict != CALL_OK) {
    refuse_result(spec->conn, &spec->id, result);
    return;
  }
  const struct call_arg *table = &result->value[1];
  claims.user = user_of(&result->value[0]);
  claims.why = expiry_of(table, &claims.expires);
  bool ok = claims.user && !claims.why;
  if (!claims.user)
    claims.why = "@token gave no user id";
  claims.json =
      table->len ? mem_strndup(table->text, table->len) : mem_strdup("{}");
  decide(spec->conn, &spec->id, ok ? 0 : ERR_INVALID_TOKEN, &claims);
}

static void run_token_hook(struct conn *conn, const struct msg_id *id,
                           const char *token, size_t len) {
  struct generation *live = protocol_of(conn)->host.live;
  struct call_spec spec = {
      .handler = live->hooks[HOOK_TOKEN],
      .conn = conn,
      .id = *id,
      .args = {{.kind = CALL_CLIENT}, {CALL_STRING, token, len}},
      .nargs = 2,
      .results = 2,
      .done = token_hook_done};
  call_run(live, &spec);
}

static void check_jwt(struct conn *conn, const struct msg_id *id,
                      const char *token, size_t len, refill_ticket ticket) {
  struct jwt_claims claims = {0};
  uint64_t later_ms;
  int err =
      jwt_verify(protocol_of(conn)->host.key, token, len, time(NULL), &claims);
  if (claims.unknown_key) {
    if (keywait_add(conn, id, token, len, ticket, &later_ms))
      return;
    if (later_ms > 0)
      err = ERR_UNAVAILABLE;
    claims.wait_s = (int64_t)(later_ms + 999) / 1000;
  }
  decide(conn, id, err, &claims);
}

static void check_token(struct conn *conn, const struct msg_id *id,
                        const char *token, size_t len) {
  const struct host *host = &protocol_of(conn)->host;
  if (len > protocol_of(conn)->config->auth_token_bytes) {
    refuse_err(conn, id, ERR_INVALID_TOKEN, "longer than auth.token_bytes");
  } else if (host->live->hooks[HOOK_TOKEN]) {
    run_token_hook(conn, id, token, len);
  } else {
    check_jwt(conn, id, token, len, 0);
  }
}

void auth_again(struct conn *conn, const struct msg_id *id, const char *token,
                size_t len, refill_ticket ticket) {
  struct client *client = client_of(conn);
  if (!conn_is_open(conn))
    return;
  check_jwt(conn, id, token, len, ticket);
  if (conn_is_open(conn) && !conn_is_busy(conn) && !client->login &&
      !client->awaits_key)
    router_go_on(conn);
}

/* The token as it stands in the message; or, as it has escapes, which no JWT
 * needs, a copy in `copy`, to be freed with mem_free. */
static const char *token_of(const struct envelope *env, size_t *len,
                            char **copy) {
  const char *value;
  if (!field_find(env, "token", &value, len) || *value != '"' || *len < 3)
    return NULL;
  value++;
  *len -= 2;
  if (!memchr(value, '\\', *len))
    return value;
  *copy = mem_alloc_raw(*len);
  *len = json_unescape(value, *len, *copy, *len);
  return *copy;
}

void auth_message(struct conn *conn, const struct envelope *env) {
  char *copy = NULL;
  size_t len;
  const char *token = token_of(env, &len, &copy);
  if (!token)
    refuse_without_token(conn, &env->id, "no token in the message");
  else
    check_token(conn, &env->id, token, len);
  mem_free(copy);
}

void auth_token(struct conn *conn, const char *token, size_t len) {
  const struct msg_id none = {.kind = MSG_ID_NONE};
  if (len == 0)
    refuse_without_token(conn, &none, "no token in the handshake");
  else
    check_token(conn, &none, token, len);
}
