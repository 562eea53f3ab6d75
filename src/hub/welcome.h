/* SPDX-License-Identifier: MIT
 * What a client is told when it has joined a room, beside what @join said. */
#ifndef HUB_WELCOME_H
#define HUB_WELCOME_H

#include "base/buf.h"
#include "hub/declared.h"
#include "hub/manager.h"
#include "hub/position.h"

/* Whether there is anything of that kind. */
static inline bool welcome_has(const struct room *room) {
  return roster_has(room) || declared_numbered(room);
}

/* What stands in `out` from `at` on is what @join said: a JSON object or array,
 * or nothing at all. It becomes an object that has more members. An array goes
 * into the member `data`. The connection, a member of the room, is to get this
 * before anything that is sent to it later. */
void welcome_add(struct buf *out, size_t at, const struct conn *conn,
                 const struct room *room);

/* The same for a client that has heard the room up to that position. */
void welcome_add_late(struct buf *out, size_t at, const struct conn *conn,
                      const struct room *room, struct engine_position heard,
                      enum position_recovered recovered);

#endif
