/* SPDX-License-Identifier: MIT
 * The built-in type `auth`: what a token says is checked, and the verdict told
 * to protocol/session.
 *
 *   token ── @token, or the JWT check ──► user, claims
 *         ── @auth, which may refuse  ──► session_let_in, or session_refuse
 *
 * On a connection that is logged in it is a refresh: same user, new time. */
#ifndef PROTOCOL_AUTH_H
#define PROTOCOL_AUTH_H

#include "hub/conn.h"
#include "protocol/envelope.h"

/* What an auth message has beside its token. A message before auth_ok that is
 * longer than this and auth.token_bytes closes 4507. */
enum { AUTH_ENVELOPE_BYTES = 1024 };

void auth_message(struct conn *conn, const struct envelope *env);

/* The same for a token that came with the handshake. What is answered has no
 * id, and a raw connection is not answered at all. For an open connection. */
void auth_token(struct conn *conn, const char *token, size_t len);

/* The token that came with the handshake, or none (`len` 0), waits for an
 * `auth` message without one: so the client can ask for a session. It is
 * copied. */
void auth_token_later(struct conn *conn, const char *token, size_t len);

/* Its token was good, and it goes on with no session that there was: @auth
 * decides. For a connection in state CONN_NEW. */
void auth_accepted(struct conn *conn, const struct msg_id *id);

#endif
