/* SPDX-License-Identifier: MIT
 * How far a client is in a room, in the words of the protocol.
 *
 * A position is an era and a number (engine/engine); clients see the era as a
 * text, the epoch. */
#ifndef HUB_POSITION_H
#define HUB_POSITION_H

#include "base/buf.h"
#include "engine/engine.h"

/* The most that a position adds to a message, braces and all. */
enum { POSITION_BYTES = 128 };

/* What was said about older messages: nothing; that they have been sent; that
 * they cannot be had any more. */
enum position_recovered { POSITION_PLAIN, POSITION_RECOVERED, POSITION_LOST };

/* Appends the members "epoch", "seq" and, unless it is plain, "recovered" of an
 * object. */
void position_put(struct buf *out, const struct engine *engine,
                  struct engine_position at, enum position_recovered recovered);

#endif
