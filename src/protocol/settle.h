/* SPDX-License-Identifier: MIT
 * What waits until other machines are heard.
 *
 * A client that is told that it is in may rely on it: what is sent afterwards,
 * on whichever machine, reaches it. So, with an engine that is shared,
 * `auth_ok` and the answer to a join wait until the engine follows the user, or
 * the room. Meanwhile the connection is busy, as if a handler of it waited. */
#ifndef PROTOCOL_SETTLE_H
#define PROTOCOL_SETTLE_H

#include "base/attr.h"
#include "engine/bus.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;

/* `err` is 0, or ERR_UNAVAILABLE: others are not heard now. Of a user,
 * `elsewhere` says how many connections he has on other machines. The
 * connection may have closed meanwhile; it is there, all the same. */
typedef void settle_fn(struct conn *conn, void *arg, int err,
                       uint32_t elsewhere);

/* Whether there is something to wait for: then `done` is called, later and
 * once, if the worker does not end before. False: it is so already, as always
 * where one process is all there is. */
MUST_CHECK bool settle_begin(struct conn *conn, enum bus_to to,
                             const char *name, size_t len, settle_fn *done,
                             void *arg);

#endif
