/* SPDX-License-Identifier: MIT
 * The built-in types `join` and `leave`. */
#ifndef PROTOCOL_ROOMS_H
#define PROTOCOL_ROOMS_H

#include "hub/conn.h"
#include "protocol/envelope.h"

/* {"room":NAME}: @join may refuse, and what it returns is the reply. Rooms
 * whose names begin with ~ are for scripts alone. */
void rooms_join(struct conn *conn, const struct envelope *env);

/* {"room":NAME}: leaving a room one is not in is no error. */
void rooms_leave(struct conn *conn, const struct envelope *env);

/* The same, asked for by a script of another worker. @join is asked. The client
 * is told what has come of it, `joined` or `left`, if anything has. */
void rooms_join_by_script(struct conn *conn, const char *name);
void rooms_leave_by_script(struct conn *conn, const char *name);

#endif
