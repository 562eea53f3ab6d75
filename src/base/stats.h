/* SPDX-License-Identifier: MIT
 * Counters of one worker: what happened since it started.
 *
 * Only the worker's own thread counts and reads; others get a copy that the
 * worker made between two events (server/snapshot). */
#ifndef BASE_STATS_H
#define BASE_STATS_H

#include <stdint.h>

/* X(name, help). A line here is all that a new counter needs to be shown; then
 * it is counted where things happen. Gauges are in server/snapshot. */
#define STATS_MAP(X)                                                           \
  X(connections_opened, "connections accepted")                                \
  X(connections_closed, "connections ended")                                   \
  X(handshakes_refused, "upgrades answered 503: too many a second")            \
  X(origins_refused, "upgrades answered 403: a page from elsewhere")           \
  X(handshake_timeouts, "sockets closed because no request came in time")      \
  X(sockets_refused, "sockets closed because their address had too many")      \
  X(requests_refused, "requests answered with an error by the edge")           \
  X(http_2xx, "requests that scripts answered with 200 to 299")                \
  X(http_3xx, "requests that scripts answered with 300 to 399")                \
  X(http_4xx, "requests to scripts answered with 400 to 499")                  \
  X(http_5xx, "requests to scripts answered with 500 to 599")                  \
  X(http_us, "microseconds that these handlers took, waiting included")        \
  X(http_slow, "requests to scripts that took more than a second")             \
  X(auth_ok, "tokens accepted")                                                \
  X(auth_failed, "tokens refused")                                             \
  X(auth_timeouts, "connections closed because no auth came in time")          \
  X(replaced, "connections closed because a newer one took over")              \
  X(connection_limits, "connections closed because their user had too many")   \
  X(try_later, "connections told to come back later: there was no room")       \
  X(probes, "pings that asked whether a connection that has a place lives")    \
  X(sessions_parked, "sessions whose client was lost")                         \
  X(sessions_resumed, "sessions whose client came back")                       \
  X(sessions_lost, "sessions whose client did not come back in time")          \
  X(sessions_shed,                                                             \
    "sessions of clients that were away, ended for lack of room")              \
  X(resume_unknown, "resumes refused: there is no such session")               \
  X(resume_foreign, "resumes refused: the session is of another user")         \
  X(resume_missing, "resumes refused: not all that was sent is kept")          \
  X(replayed, "messages sent once more to clients that came back")             \
  X(too_many_errors, "connections closed because of useless messages")         \
  X(bad_frames, "connections closed because of bad frames or bad UTF-8")       \
  X(too_large, "connections closed because of a message that was too large")   \
  X(messages_in, "messages received")                                          \
  X(bytes_in, "payload bytes received")                                        \
  X(frames_out, "frames queued to connections")                                \
  X(bytes_out, "bytes written to connections")                                 \
  X(writes, "writes to sockets")                                               \
  X(frames_deflated, "frames compressed, once for all their receivers")        \
  X(messages_inflated, "messages received that were compressed")               \
  X(messages_refused, "messages answered with an error, or dropped")           \
  X(rate_limited, "messages refused by a rate")                                \
  X(reads_paused,                                                              \
    "times a client far past its rates was not read for a while")              \
  X(online_left_out,                                                           \
    "pairs of @online and @offline left out: one of that user took too long")  \
  X(handler_errors, "handlers, hooks and timers that failed")                  \
  X(handler_timeouts, "failed handlers that took too long")                    \
  X(handler_memory_errors, "failed handlers that ran out of memory")           \
  X(promises_checked, "replies and pushes compared with their declarations")   \
  X(promises_broken, "replies and pushes that were not as declared")           \
  X(slow_consumers, "connections closed because their queue was full")         \
  X(queues_shed, "connections closed because all queues were too long")        \
  X(stalled, "connections closed because the peer took nothing")               \
  X(ping_timeouts, "connections closed because they fell silent")              \
  X(accept_paused, "times accepting stopped for lack of descriptors")          \
  X(certificates, "certificates that took the place of an older one")          \
  X(bus_left_out, "messages to another worker that was too far behind")        \
  X(joins_recovered, "joins that got all that they had missed")                \
  X(joins_lost, "joins that could not get all that they had missed")           \
  X(messages_recovered, "messages sent from histories of rooms")               \
  X(members_behind, "times a room's messages were left out for a slow client") \
  X(resyncs, "times a member was told that it has missed messages")            \
  X(reloads, "loads of the scripts that went live")

struct stats {
#define STATS_FIELD(name, help) uint64_t name;
  STATS_MAP(STATS_FIELD)
#undef STATS_FIELD
};

#endif
