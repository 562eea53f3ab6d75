/* SPDX-License-Identifier: MIT
 * A new connection goes to the worker that has the session it asks for.
 *
 * The kernel gives a socket to any worker; a session lives on one. So the
 * socket goes there, with TLS, with what was read of it and not used, and with
 * all that is known of its client. One worker has it at any moment. There it
 * becomes a connection whose token has just been found good, and that is asked
 * no second time who it is. */
#ifndef PROTOCOL_MOVE_H
#define PROTOCOL_MOVE_H

#include "protocol/client.h"

struct bus_load;

/* Whether it was sent, to a worker of this process (0, 1, …). Then the
 * connection is over here; else it is as it was. It is in SESSION_RESUMES. */
MUST_CHECK bool move_to_worker(struct conn *conn, int worker);

/* The load of a letter BUS_MOVE: a connection in SESSION_RESUMES, for which
 * resume_decide is called. While the server ends, its socket is closed. */
void move_receive_take(struct protocol *protocol, struct bus_load *load);

#endif
