/* SPDX-License-Identifier: MIT
 * The life of a connection as scripts see it: opened, greeted, gone. */
#ifndef PROTOCOL_SESSION_H
#define PROTOCOL_SESSION_H

#include "protocol/protocol.h"

/* A socket has become a WebSocket. If there are too many in all, or of
 * its address, it is told when to come back, and closed 4007. */
void session_open(struct protocol *protocol, struct conn *conn,
                  const char *address);

/* Its token was accepted and it has been told so: @connect. */
void session_greet(struct conn *conn);

/* Says farewell to the connections that were closed since the last call:
 * @leave for each of their rooms, then @disconnect, one after the other. At
 * the end of each loop turn, so that no hook runs in the middle of the send
 * that closed one. Where that takes long the rest stays in manager->gone, for
 * the next turn. A busy connection's farewell waits for its handlers. */
void session_reap(struct protocol *protocol);

/* A handler or hook of it that had waited has ended: its next message, or the
 * next step of its farewell. For host->conn_idle. */
void session_idle(struct conn *conn);

#endif
