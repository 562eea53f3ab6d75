/* SPDX-License-Identifier: MIT
 * Ends the slowest clients when too much waits for all of them together, and
 * those that take nothing at all. */
#ifndef HUB_SHED_H
#define HUB_SHED_H

#include "hub/manager.h"

/* While more waits than limits.queues_mb allows, the connection for which most
 * waits is closed 4002, if its socket takes nothing of that. If it is closing
 * already, what waits for it is dropped and its socket is cut off. To be called
 * at a point where nobody walks over connections. */
void shed_longest(struct manager *manager, uint64_t now_ms);

/* Closes 4002, and cuts off, every connection in the backlog whose peer has
 * acknowledged nothing for `stall_ms`. It happens between that time and that
 * time plus twice the interval of the calls; later, up to three times of it, if
 * it had just acknowledged much (hub/backlog). */
void shed_stalled(struct manager *manager, uint64_t now_ms, uint64_t stall_ms);

/* Ends sessions whose clients are away, those first that have been away
 * longest, as long as too much is kept for all sessions or there are too many
 * of them. To be called at the end of a turn. */
void shed_parked(struct manager *manager);

#endif
