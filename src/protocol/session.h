/* SPDX-License-Identifier: MIT
 * The life of a client, as a state machine. `struct conn` says whether it can
 * be sent to; this says how far scripts know it, and what it waits for:
 *
 *   NEW ─► AWAITS_KEY ─► NEW                  its token names an unknown key
 *    ├───► RESUMES ─► NEW, or it is not needed  its session is looked for
 *    ├───► AWAITS_PLACE ───┐                  its user has too many of them
 *    └─────────────────────┴► GREETED         let in; @connect was called
 *                                  └► LEAVES  closed; @leave, @disconnect
 *   those that were never let in ───► ENDS    closed; no hook hears of it
 *
 * What decides about it returns its verdict to one of the functions here:
 * protocol/auth about a token, protocol/raw about a connection without one.
 * protocol/farewell says what is to be said at the end. Only client_of(conn)
 * has the state, and only session.c changes it. */
#ifndef PROTOCOL_SESSION_H
#define PROTOCOL_SESSION_H

#include "auth/jwt.h"
#include "protocol/client.h"
#include "protocol/denial.h"
#include "script/generation.h"

/* The choices of auth.sessions: whether a user may have several connections,
 * or a new one takes the place of the one before. */
enum auth_sessions { AUTH_MULTI, AUTH_SINGLE };

/* A socket has become a WebSocket. If there are too many in all, or of its
 * address, it is told when to come back, and closed 4007. */
void session_open(struct protocol *protocol, struct conn *conn,
                  const char *address);

/* The key of its token is being fetched. What it sends waits until
 * session_key_came is called. */
void session_await_key(struct conn *conn);
void session_key_came(struct conn *conn);

/* Its token is good, and the session that it asks for is looked for. It is not
 * read, and what it has sent waits. resume_decide is called with its turn. */
void session_await_resume(struct conn *conn);

/* One that another worker has sent here in that state. Its inbox comes along;
 * the caller gives it its socket. */
void session_adopt(struct protocol *protocol, struct conn *conn,
                   const char *address, struct inbox *inbox);

/* There is none: it goes on as a new one. If there is no room for that any
 * more, it is told when to come back, and closed 4007. */
void session_not_resumed(struct conn *conn);

/* Its claims, address or headers have become others: scripts read them anew. */
void session_forget_fields(struct conn *conn);

/* Verdict: the client is the user conn->claimant. The client is logged in,
 * answered auth_ok with the id of its message, and greeted. If its user has too
 * many connections they are first asked whether they live; it is closed 4504 if
 * they do. Does nothing when it has closed, or logged in, while a hook decided.
 */
void session_let_in(struct conn *conn, const struct msg_id *id);

/* Verdict: it is let in without a user. */
void session_let_in_nobody(struct conn *conn);

/* Verdict on one that is logged in: its new token is good. Its user is the
 * same, or that is refused; its claims and its end count from now on. Takes
 * claims->json. */
void session_refresh(struct conn *conn, const struct msg_id *id,
                     struct jwt_claims *claims);

/* Verdict: no. It is counted, logged, told to the client, and closes it. */
void session_refuse(struct conn *conn, const struct msg_id *id,
                    const struct denial *denial);

/* Hands on the messages that wait, if nothing keeps them: no handler of it
 * waits, and it awaits neither a key nor a place. */
void session_go_on(struct conn *conn);

/* A handler or hook of it that had waited has ended, or it is its turn again:
 * its next message, or the next step of its farewell. For host->conn_idle. */
void session_idle(struct conn *conn);

/* For protocol/farewell: it has closed. What waits in its inbox is dropped,
 * unless its peer said it before it closed. Does nothing the second time. */
void session_leave(struct conn *conn);

/* Calls a hook of the connection's life with the client and two
 * more arguments. */
void session_run_hook(struct conn *conn, enum hook hook, struct call_arg second,
                      struct call_arg third);

#endif
