/* SPDX-License-Identifier: MIT
 * Clients with a session that are lost, and come back or do not.
 *
 * When the socket of one is lost, hub/conn makes it CONN_AWAY. What it was goes
 * on: its rooms, its handlers that wait, what they send to it. Scripts are told
 * with the hook @away, and with @back when it is there again (protocol/resume).
 * After session.keep_s it ends, with the reason `lost`.
 *
 * A hook waits for the handler of its client that runs. If the client has come
 * back by then, both hooks are called, and if it was lost once more, one @away.
 */
#ifndef PROTOCOL_AWAY_H
#define PROTOCOL_AWAY_H

#include "protocol/client.h"

/* For owner->parked. */
void away_begin(struct conn *conn);

/* It is there again. */
void away_end(struct conn *conn);

/* Calls the hooks that are due, while no handler of it waits. */
void away_tell(struct conn *conn);

/* It was asked whether it lives: one that is away has so many milliseconds to
 * come back, and then makes room. */
void away_hurry(struct conn *conn, uint32_t ms);

/* Loop time at which it is lost. */
uint64_t away_until_ms(const struct conn *conn);

/* Its time is over. */
void away_lose(struct conn *conn);

/* The server ends: those that are away end, and no other will be. */
void away_forbid(struct protocol *protocol);

#endif
