/* SPDX-License-Identifier: MIT
 * The deadlines of a connection: auth, ping and pong, the end of its token,
 * and the end of closing.
 *
 * One timer a connection, armed for the earliest deadline. What happens
 * meanwhile (a frame came, the token was refreshed) only notes the time: when
 * the timer fires it looks, and is armed for what is left. */
#ifndef PROTOCOL_HEARTBEAT_H
#define PROTOCOL_HEARTBEAT_H

#include "protocol/client.h"

/* How long the server waits for a new token after one has expired. */
enum { HEARTBEAT_TOKEN_GRACE_S = 25 };

/* How long a connection may take to answer a probe; or heartbeat.timeout_s, if
 * that is less. */
enum { HEARTBEAT_PROBE_MS = 3000 };

/* Call when the state of the connection has changed: opened, ready with
 * expires_s set, or closing. */
void heartbeat_arm(struct conn *conn);

/* Pings it at once; if nothing comes in time it is closed 4001. Nothing if that
 * is asked already. */
void heartbeat_probe(struct conn *conn);

uint32_t heartbeat_probe_ms(const struct protocol *protocol);

#endif
