/* SPDX-License-Identifier: MIT
 * client.state goes from one generation to the next. */
#ifndef SCRIPT_CLIENT_STATE_H
#define SCRIPT_CLIENT_STATE_H

#include "base/attr.h"
#include "base/buf.h"

struct conn;
struct generation;

/* Copies the state tables of all clients from `from`, which stays as it is and
 * must not run meanwhile. ERR_SCRIPT, naming client and key, if a value is not
 * plain data: then this generation must not become live. */
MUST_CHECK int client_state_inherit(struct generation *generation,
                                    struct generation *from, struct buf *error);

/* A handler for one client has ended on a generation that is live no more: what
 * it has changed in the state is taken over, but for keys that the live one has
 * changed meanwhile. An error is logged: what it wrote is lost. */
void client_state_hand_over(struct generation *from, struct conn *conn);

#endif
