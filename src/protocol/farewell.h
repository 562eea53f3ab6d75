/* SPDX-License-Identifier: MIT
 * What scripts hear of a connection that has closed: @leave for each of its
 * rooms, then @disconnect, one after the other. */
#ifndef PROTOCOL_FAREWELL_H
#define PROTOCOL_FAREWELL_H

#include "protocol/client.h"

/* Says farewell to the connections that were closed since the last call. To be
 * called at the end of each loop turn, so that no hook runs in the middle of
 * the send that closed one. Where that takes long, the rest stays in
 * manager->gone for the next turn. */
void farewell_say(struct protocol *protocol);

#endif
