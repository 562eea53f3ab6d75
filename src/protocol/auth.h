/* SPDX-License-Identifier: MIT
 * The built-in type `auth`: a token becomes a user, or the connection ends.
 *
 *   token ── @token, or the JWT check ──► user, claims
 *         ── @auth, which may refuse  ──► login, auth_ok, @connect
 *
 * On a connection that is logged in it is a refresh: same user, new time. */
#ifndef PROTOCOL_AUTH_H
#define PROTOCOL_AUTH_H

#include "hub/conn.h"
#include "protocol/envelope.h"
#include "protocol/keywait.h"

/* What an auth message has beside its token. A message before auth_ok that is
 * longer than this and auth.token_bytes closes 4507. */
enum { AUTH_ENVELOPE_BYTES = 1024 };

/* The choices of auth.sessions: whether a user may have several connections,
 * or a new one takes the place of the one before. */
enum auth_sessions { AUTH_MULTI, AUTH_SINGLE };

void auth_message(struct conn *conn, const struct envelope *env);

/* For protocol/keywait: keys have been fetched, and a token that has waited for
 * them is looked at again. */
void auth_again(struct conn *conn, const struct msg_id *id, const char *token,
                size_t len, refill_ticket ticket);

/* The same for a token that came with the handshake; what is answered has no
 * id, and a raw connection is not answered at all. For an open connection. */
void auth_token(struct conn *conn, const char *token, size_t len);

/* While client->login is set there was no place for its user: loop time at
 * which those that hold one have answered, or made way. */
uint64_t auth_waits_until(const struct conn *conn);

/* Then: it is logged in, or closed 4504. */
void auth_go_on(struct conn *conn);

#endif
