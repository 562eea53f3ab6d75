/* SPDX-License-Identifier: MIT
 * What scripts of other workers want of the connections of this one. */
#ifndef PROTOCOL_REMOTE_H
#define PROTOCOL_REMOTE_H

#include "engine/bus.h"

/* For bus_open; `arg` is the struct protocol. */
void remote_receive(void *arg, const struct bus_letter *letter);

#endif
