/* SPDX-License-Identifier: MIT
 * Sessions as the protocol sees them: what a client asks for with its `auth`,
 * what it is answered, and the counts that go to and fro.
 *
 * A client that sends {"session":{}} gets the id of a new session with auth_ok.
 * With {"session":{"id":…,"received":n}} it wants to go on with that one, of
 * which it has the first n messages. Counting begins behind that `auth`, and in
 * the other direction behind auth_ok. */
#ifndef PROTOCOL_RESUME_H
#define PROTOCOL_RESUME_H

#include "base/buf.h"
#include "hub/conn.h"
#include "protocol/envelope.h"

/* Reads what an `auth` message says about a session. Counts what follows, if it
 * wants one and there are any (session.keep_s). For a connection in state
 * CONN_NEW. */
void resume_read(struct conn *conn, const struct envelope *env);

/* Whether it asks for a session that there was. */
bool resume_is_wanted(const struct conn *conn);

/* Its token is good: looks for that session with its next turn. */
void resume_start(struct conn *conn, const struct msg_id *id);

/* That turn has come. The session goes on with the socket of this connection,
 * which is over then; or there is none, and the client is let in as a new one.
 */
void resume_decide(struct conn *conn);

/* The client is let in: its session begins, if it has asked for one. Appends
 * the member `session` of auth_ok, with a comma before it. */
void resume_begin(struct conn *conn, struct buf *member);

/* Pings the client with what was received of it, which says how much it has. */
void resume_ask(struct conn *conn);

/* Appends ,"data":{"received":n} if the connection has a session. */
void resume_put_received(const struct conn *conn, struct buf *out);

/* What the client's pong says about how much it has. */
void resume_pong(struct conn *conn, const struct envelope *env);

#endif
