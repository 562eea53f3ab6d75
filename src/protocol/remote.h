/* SPDX-License-Identifier: MIT
 * What scripts of other workers want of the connections of this one. */
#ifndef PROTOCOL_REMOTE_H
#define PROTOCOL_REMOTE_H

#include "core/bus.h"

/* For bus_open; `arg` is the struct protocol. */
void remote_open_letter(void *arg, const struct bus_letter *letter);

#endif
