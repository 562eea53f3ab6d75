/* SPDX-License-Identifier: MIT
 * How a link comes up, and what is done when it breaks. */
#ifndef REDIS_REACH_H
#define REDIS_REACH_H

#include "redis/reply.h"

#include <stdbool.h>
#include <uv.h>

struct link;

/* Once, for a zeroed link that has its loop, URL and options. */
void reach_init(struct link *link);

/* Closes the handles and connections, and what waits is told. */
void reach_close(struct link *link);

/* Both connections are proved to be those of one server. */
void reach_up(struct link *link);

/* The link is dropped and made anew, now: for callers that the loop has called,
 * with no answer of hiredis on the stack. */
void reach_lose(struct link *link, const char *why);

/* The same, in the next turn of the loop. */
void reach_fail(struct link *link, const char *why);

/* Channels wait to be subscribed to or not: at the end of this turn. */
void reach_flush_soon(struct link *link);

/* An answer that is an error: counts it, logs it now and then, and does what
 * can be done about it. */
void reach_error(struct link *link, const struct reply *reply);

#endif
