/* SPDX-License-Identifier: MIT
 * Frames on their way to a client, while a trace is on: queued, written to the
 * socket, acknowledged by a client with a session.
 *
 * A frame is known by its place in the queue of its connection. So whoever
 * takes frames out of that queue tells. A connection with frames that are
 * followed is marked (conn->traced): all others cost nothing. */
#ifndef TRACE_FLIGHT_H
#define TRACE_FLIGHT_H

#include "trace/tracer.h"
#include "wire/frame.h"

enum { FLIGHTS_MAX = 8192 }; /* of a worker; more are counted as dropped */

struct flight_conn {
  uint64_t id;
  const char *user; /* NULL: none */
  uint32_t waiting; /* frames in the queue, with this one */
  uint64_t counted; /* its number in the session; 0: none keeps it */
};

/* A frame was queued, or kept for a client that is away (`waiting` 0). True if
 * it is followed: then the connection is to be marked. */
MUST_CHECK bool flight_begin(const struct flight_conn *conn,
                             const struct frame *frame);

/* The first `count` frames of its queue were written. Like the next two it
 * returns whether any of its frames is still followed. */
MUST_CHECK bool flight_written(uint64_t conn, uint32_t count);

/* All but the first `count` were dropped. */
MUST_CHECK bool flight_lost(uint64_t conn, uint32_t count);

/* A message of its session is queued once more. */
void flight_again(uint64_t conn, uint64_t counted, uint32_t waiting);

/* The client has the first `counted` messages of its session. */
MUST_CHECK bool flight_acked(uint64_t conn, uint64_t counted);

/* Follows none of a connection any more. */
void flight_forget(uint64_t conn);

/* None at all. */
void flight_forget_all(struct tracer *tracer);

#endif
