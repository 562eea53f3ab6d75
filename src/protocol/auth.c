/* SPDX-License-Identifier: MIT
 * Authentication. */
#include "protocol/auth.h"

#include "auth/claims.h"
#include "auth/jwt.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "protocol/field.h"
#include "protocol/keywait.h"
#include "protocol/resume.h"
#include "protocol/session.h"
#include "protocol/token.h"
#include "script/call.h"
#include "wire/json.h"

#include <string.h>
#include <time.h>

/* --- refused ------------------------------------------------------------ */

/* That is said to everybody: it helps nobody to guess. */
static void refuse_without_token(struct conn *conn, const struct msg_id *id,
                                 const char *why) {
  struct denial denial = {
      .code = err_name(ERR_INVALID_TOKEN), .text = why, .why = why};
  session_refuse(conn, id, &denial);
}

static void refuse_claims(struct conn *conn, const struct msg_id *id,
                          enum err err, const struct jwt_claims *claims) {
  struct denial denial = denial_of(err, claims->why);
  denial.wait_s = claims->wait_s;
  if (claims->hint)
    log_warn("auth: %s", claims->hint);
  session_refuse(conn, id, &denial);
}

static void refuse_by_hook(const struct call_spec *spec,
                           const struct call_result *result) {
  struct denial denial = denial_of_hook(result);
  session_refuse(spec->conn, &spec->id, &denial);
}

/* --- accepted, if @auth agrees ------------------------------------------ */

static void auth_hook_done(const struct call_spec *spec,
                           const struct call_result *result) {
  if (result->verdict != CALL_OK)
    refuse_by_hook(spec, result);
  else
    session_let_in(spec->conn, &spec->id);
}

/* Whether the claims have auth.service_claim, once and as true. */
static bool says_service(const struct conn *conn, const char *claims) {
  const char *name = protocol_of(conn)->config->auth_service_claim;
  return *name && claims_say(claims, name);
}

/* The token said who it is; takes over the strings of `claims`. */
static void accept_take(struct conn *conn, const struct msg_id *id,
                        struct jwt_claims *claims) {
  mem_free(conn->claimant);
  mem_free(conn->claims);
  conn->claimant = claims->user;
  conn->claims = claims->json;
  client_of(conn)->expires_s = claims->expires;
  client_of(conn)->is_service = says_service(conn, conn->claims);
  claims->user = claims->json = NULL;
  if (resume_is_wanted(conn))
    resume_start(conn, id);
  else
    auth_accepted(conn, id);
}

void auth_accepted(struct conn *conn, const struct msg_id *id) {
  struct generation *live = protocol_of(conn)->host.live;
  if (!live->hooks[HOOK_AUTH]) {
    session_let_in(conn, id);
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

/* The rights of a service end with the token that gave them. */
static void refresh_service(struct conn *conn, const struct msg_id *id,
                            struct jwt_claims *claims) {
  if (!says_service(conn, claims->json))
    client_of(conn)->is_service = false;
  session_refresh(conn, id, claims);
}

/* Frees what is left of `claims`. */
static void judge_claims(struct conn *conn, const struct msg_id *id, int err,
                         struct jwt_claims *claims) {
  if (!err && json_check(claims->json, strlen(claims->json), NULL)) {
    claims->why = "its claims are nested too deep";
    err = ERR_INVALID_TOKEN;
  }
  if (err)
    refuse_claims(conn, id, (enum err)err, claims);
  else if (conn_is_let_in(conn))
    refresh_service(conn, id, claims);
  else if (conn->state == CONN_NEW)
    accept_take(conn, id, claims);
  jwt_claims_free(claims);
}

/* --- @token ------------------------------------------------------------- */

static void token_hook_done(const struct call_spec *spec,
                            const struct call_result *result) {
  struct jwt_claims claims = {0};
  if (result->verdict != CALL_OK) {
    refuse_by_hook(spec, result);
    return;
  }
  int err = token_read_result(result, &claims);
  judge_claims(spec->conn, &spec->id, err, &claims);
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

/* --- JWT ---------------------------------------------------------------- */

static void check_jwt(struct conn *conn, const struct keywait_token *token);

/* Keys have been fetched: a token that has waited for them is looked at once
 * more. */
static void check_again(struct conn *conn, const struct keywait_token *token) {
  session_key_came(conn);
  check_jwt(conn, token);
  if (conn_is_open(conn))
    session_go_on(conn);
}

/* Whether it waits now for its key. If it can be tried again later, `claims`
 * says when, and that is no fault of the token. */
static bool wait_for_key(struct conn *conn, const struct keywait_token *token,
                         struct jwt_claims *claims, int *err) {
  uint64_t later_ms;
  if (keywait_add(conn, token, check_again, &later_ms)) {
    if (conn->state == CONN_NEW)
      session_await_key(conn);
    return true;
  }
  if (later_ms > 0) {
    *err = ERR_UNAVAILABLE;
    claims->why = "its key is not here yet: auth.jwks_url was fetched a moment "
                  "ago, or could not be";
  }
  claims->wait_s = (int64_t)(later_ms + 999) / 1000;
  return false;
}

static void check_jwt(struct conn *conn, const struct keywait_token *token) {
  struct jwt_claims claims = {0};
  int err = jwt_verify(protocol_of(conn)->host.key, token->text, token->len,
                       time(NULL), &claims);
  if (claims.unknown_key && wait_for_key(conn, token, &claims, &err))
    return;
  judge_claims(conn, token->id, err, &claims);
}

/* --- where tokens come from --------------------------------------------- */

static void check_token(struct conn *conn, const struct msg_id *id,
                        const char *token, size_t len) {
  const struct host *host = &protocol_of(conn)->host;
  if (len > protocol_of(conn)->config->auth_token_bytes) {
    struct denial denial =
        denial_of(ERR_INVALID_TOKEN, "longer than auth.token_bytes");
    session_refuse(conn, id, &denial);
  } else if (host->live->hooks[HOOK_TOKEN]) {
    run_token_hook(conn, id, token, len);
  } else {
    struct keywait_token jwt = {.id = id, .text = token, .len = len};
    check_jwt(conn, &jwt);
  }
}

/* Whether the message names no token, and that of the handshake is meant. */
static bool means_brought(const struct conn *conn, const struct envelope *env) {
  const char *value;
  size_t len;
  return conn->state == CONN_NEW && client_of(conn)->asks_later &&
         !field_find(env, "token", &value, &len);
}

static const char *take_brought(struct conn *conn, size_t *len, char **copy) {
  struct client *client = client_of(conn);
  *copy = client->brought;
  *len = *copy ? strlen(*copy) : 0;
  client->brought = NULL;
  return *copy;
}

/* As nobody who came without a token is refused at the handshake, he is not
 * here: he may log in later, or is closed 4006. */
void auth_message(struct conn *conn, const struct envelope *env) {
  char *copy = NULL;
  size_t len;
  const char *token = token_find(env, &len, &copy);
  if (!token && means_brought(conn, env)) {
    token = take_brought(conn, &len, &copy);
    if (!token)
      return;
  }
  if (token && conn->state == CONN_NEW)
    resume_read(conn, env);
  if (!token)
    refuse_without_token(conn, &env->id, "no token in the message");
  else
    check_token(conn, &env->id, token, len);
  mem_free(copy);
}

void auth_token_later(struct conn *conn, const char *token, size_t len) {
  struct client *client = client_of(conn);
  client->asks_later = true;
  if (len > protocol_of(conn)->config->auth_token_bytes)
    auth_token(conn, token, len); /* which refuses it */
  else if (len > 0)
    client->brought = mem_strndup(token, len);
}

void auth_token(struct conn *conn, const char *token, size_t len) {
  const struct msg_id none = {.kind = MSG_ID_NONE};
  if (len == 0)
    refuse_without_token(conn, &none, "no token in the handshake");
  else
    check_token(conn, &none, token, len);
}
