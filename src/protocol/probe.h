/* SPDX-License-Identifier: MIT
 * Whether the connections that hold a place are alive.
 *
 * A network may be lost without a word. Its connections count until their
 * heartbeat ends, while their owners are back already and find no place. So
 * when a limit of a user or an address is reached, all connections that count
 * there, on every worker, are pinged at once. They have HEARTBEAT_PROBE_MS to
 * answer (protocol/heartbeat). */
#ifndef PROTOCOL_PROBE_H
#define PROTOCOL_PROBE_H

#include "protocol/client.h"

/* Asks the connections of a user. Returns the milliseconds after which those
 * that are dead have made way. */
uint32_t probe_user(struct protocol *protocol, const char *user);

/* Asks those of an address, or of all that count with it, once in a while.
 * Returns the milliseconds after which it is worth trying again. */
uint32_t probe_network(struct protocol *protocol, const char *network);

/* What another worker asks of the connections here: BUS_PROBE. */
void probe_receive(struct protocol *protocol, const struct bus_letter *letter);

#endif
