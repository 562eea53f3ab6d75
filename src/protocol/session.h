/* SPDX-License-Identifier: MIT
 * The life of a connection as scripts see it: opened, greeted, gone. */
#ifndef PROTOCOL_SESSION_H
#define PROTOCOL_SESSION_H

#include "protocol/protocol.h"

/* A socket has become a WebSocket. Closes it 4504 at once if there are too
 * many. */
void session_open(struct protocol *protocol, struct conn *conn,
                  const char *address);

/* Its token was accepted and it has been told so: @connect. */
void session_greet(struct conn *conn);

/* Says farewell to the connections that were closed since the last call:
 * @leave for each of their rooms, then @disconnect. At the end of each loop
 * turn, so that no hook runs in the middle of the send that closed one. */
void session_reap(struct protocol *protocol);

#endif
