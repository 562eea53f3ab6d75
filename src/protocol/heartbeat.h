/* SPDX-License-Identifier: MIT
 * The deadlines of a connection: auth, ping and pong, the end of its token,
 * and the end of closing.
 *
 * Each connection stands in the wheel of its worker (net/wheel) with the
 * earliest of them. What happens meanwhile (a frame came, the token was
 * refreshed) only notes the time. When it is its turn, it does what is due, and
 * is set to the next. */
#ifndef PROTOCOL_HEARTBEAT_H
#define PROTOCOL_HEARTBEAT_H

#include "protocol/client.h"

/* How long the server waits for a new token after one has expired. */
enum { HEARTBEAT_TOKEN_GRACE_S = 25 };

/* How long a connection may take to answer a probe. If heartbeat.timeout_s is
 * less, that counts. */
enum { HEARTBEAT_PROBE_MS = 3000 };

/* To be called when the state of the connection has changed: it was opened, is
 * ready with expires_s set, or is closing. */
void heartbeat_arm(struct conn *conn);

/* For wheel_init. */
void heartbeat_due(struct deadline *deadline);

/* Pings the connection at once; if nothing comes in time, it is closed 4001.
 * Does nothing if it was asked already and has not answered yet. One that is
 * away has the same time to come back. */
void heartbeat_probe(struct conn *conn);

uint32_t heartbeat_probe_ms(const struct protocol *protocol);

#endif
