/* SPDX-License-Identifier: MIT
 * What a worker says about itself when the main thread asks: a copy of its
 * counters, and how much of everything there is. */
#ifndef SERVER_SNAPSHOT_H
#define SERVER_SNAPSHOT_H

#include "base/buf.h"
#include "base/stats.h"
#include "protocol/protocol.h"

#include <stdbool.h>

/* X(name, help): how much there is at the moment. */
#define SNAPSHOT_MAP(X)                                                        \
  X(connections, "connections that are open")                                  \
  X(users, "users with a connection")                                          \
  X(rooms, "rooms with a member")                                              \
  X(sessions, "sessions that there are")                                       \
  X(sessions_away, "of those: sessions whose client is away")                  \
  X(replay_bytes, "bytes of frames that are kept for sessions")                \
  X(queue_bytes, "bytes of frames that wait to be written")                    \
  X(lua_bytes, "memory of the Lua states")                                     \
  X(handlers, "message types with a handler")                                  \
  X(generation, "number of the scripts' generation that is live")

struct snapshot {
  int worker;     /* 1, 2, …; 0: nothing has been heard of it yet */
  bool answering; /* it has answered in time */
  struct stats stats;
#define SNAPSHOT_FIELD(name, help) uint64_t name;
  SNAPSHOT_MAP(SNAPSHOT_FIELD)
#undef SNAPSHOT_FIELD
};

/* On the worker's thread, between two events. Looks at every connection. */
void snapshot_take(struct snapshot *snapshot, const struct protocol *protocol);

/* Appends all figures in the text format of Prometheus, with a label for the
 * worker: perigee_connections{worker="1"} 5. */
void snapshot_print(const struct snapshot *snapshots, size_t count,
                    struct buf *out);

/* Appends `[{"worker":1,"connections":5,…},…]`. */
void snapshot_print_json(const struct snapshot *snapshots, size_t count,
                         struct buf *out);

#endif
