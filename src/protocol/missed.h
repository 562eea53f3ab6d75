/* SPDX-License-Identifier: MIT
 * Reading what a member has missed, for protocol/recover.
 *
 * One thing is read at a time (recovery->read). What was found stands in
 * recovery->list, or it is told that it is lost; recovery_go_on is called
 * then. */
#ifndef PROTOCOL_MISSED_H
#define PROTOCOL_MISSED_H

#include "protocol/recovery.h"

/* What comes after recovery->at. */
void missed_read_on(struct recovery *recovery);

/* What a join wants to hear before it is answered. */
void missed_read_for_join(struct recovery *recovery, struct join *join);

#endif
