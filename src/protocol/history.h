/* SPDX-License-Identifier: MIT
 * The built-in type `history`: members read what was said in their room. */
#ifndef PROTOCOL_HISTORY_H
#define PROTOCOL_HISTORY_H

#include "hub/conn.h"
#include "protocol/envelope.h"

struct protocol;

/* {"room":NAME,"before":N,"after":N,"limit":N}, of which only the room must be
 * there. @history may refuse. */
void history_message(struct conn *conn, const struct envelope *env);

/* What is not answered yet will not be. Before the engine is detached. */
void history_close(struct protocol *protocol);

#endif
