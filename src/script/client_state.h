/* SPDX-License-Identifier: MIT
 * client.state goes from one generation to the next. */
#ifndef SCRIPT_CLIENT_STATE_H
#define SCRIPT_CLIENT_STATE_H

#include "base/attr.h"
#include "base/buf.h"

struct conn;
struct generation;

/* Copies the state tables of all clients from `from` into `generation`. `from`
 * stays as it is, and must not run meanwhile. Returns ERR_SCRIPT if a value is
 * not plain data; `error` names the client and the key, and `generation` must
 * not become live. */
MUST_CHECK int client_state_inherit(struct generation *generation,
                                    struct generation *from, struct buf *error);

/* A handler of `from` that had waited has ended, for the client of `conn`. If
 * `from` is live no more, what the handler changed in client.state is taken
 * over by the live generation, except for keys that this one has changed
 * meanwhile. An error is logged, and what the handler wrote is lost then. */
void client_state_hand_over(struct generation *from, struct conn *conn);

#endif
