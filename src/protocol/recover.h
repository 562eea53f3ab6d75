/* SPDX-License-Identifier: MIT
 * What a member of a room has missed: read from the room's history, and sent
 * before what is said now.
 *
 *   join with `since` ──┐
 *   messages lost on the way to this worker ──► held ─► reads ─► is sent that
 *   behind, in a room with `latest` ──┘           ▲                   │
 *                                                 └── missed more ────┤
 *                                                       live ◄────────┘
 *
 * Meanwhile the member is held (hub/held): what is sent to the room waits for
 * it. At each moment it has heard everything up to one position, `at`, and what
 * it hears next is the next message. So there is no gap, no repeat and no other
 * order between old and live messages.
 *
 * It is paced: a client gets RECOVER_STEP_BYTES, then others have their turn.
 * While its socket is full, or it is away, nothing more is read or sent.
 *
 * What can no longer be had is told: `recovered` is false in the answer to its
 * join; else it gets the message `resync`. */
#ifndef PROTOCOL_RECOVER_H
#define PROTOCOL_RECOVER_H

#include "protocol/client.h"
#include "protocol/since.h"
#include "script/call_spec.h"

enum {
  RECOVER_STEP_BYTES = 64 * 1024, /* sent at one go */
  RECOVER_READ_MESSAGES = 512,    /* read at one go, of as many bytes */
  RECOVER_JOINS_MAX = 16          /* of one room, not answered yet */
};

/* The connection is a member of the room, which is numbered. Its join is
 * answered, with what @join returned (`table`), when it has what it wants. */
void recover_join(struct conn *conn, const struct msg_id *id, struct room *room,
                  const struct since *since, struct call_arg table);

/* For manager->on_behind: the connection does not take what it is sent. The
 * messages of the room, which is `latest` or `resync`, are left out for it,
 * those that it has not been sent yet. */
void recover_behind(struct conn *conn, struct room *room);

/* For manager->on_gap: messages of the room that come after room->at were left
 * out on their way to this worker. They are read for all members. */
void recover_gap(struct room *room);

/* For conn_owner.drained: the socket has taken all that waited for it. Also
 * when a client is back that was away. */
void recover_go_on(struct conn *conn);

#endif
