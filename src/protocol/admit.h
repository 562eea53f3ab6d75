/* SPDX-License-Identifier: MIT
 * What a handler's declaration asks of a message, before Lua is entered. */
#ifndef PROTOCOL_ADMIT_H
#define PROTOCOL_ADMIT_H

#include "hub/conn.h"
#include "protocol/envelope.h"
#include "script/generation.h"

#include <stdbool.h>

/* Whether the handler may run. Its rate is looked at first, then its schema. If
 * it may not run, the message has been answered, RATE_LIMITED or BAD_REQUEST.
 * The connection is logged in; it may be closed afterwards. */
MUST_CHECK bool admit_message(struct conn *conn, const struct handler *handler,
                              const struct envelope *env);

#endif
