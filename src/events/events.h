/* SPDX-License-Identifier: MIT
 * What the backend hears: events, on their way through the outbox.
 *
 *   any thread ─► writer ─► outbox ─► sender ─► events.url
 *                   │ a commit settles tickets: effects may be seen
 *
 * Without events.url there is none of this: who could put an event has NULL. */
#ifndef EVENTS_EVENTS_H
#define EVENTS_EVENTS_H

#include "base/attr.h"
#include "config/config.h"
#include "events/event.h"
#include "events/tickets.h"

#include <stdbool.h>
#include <string.h>

struct events;

/* events.url: events are kept, and nobody is told. */
#define EVENTS_KEEP_ONLY "-"

enum events_verdict {
  EVENTS_KEPT,     /* it has a ticket */
  EVENTS_UNWANTED, /* events.types does not choose it */
  EVENTS_FULL      /* events.max_mb */
};

/* Whether the backend is to hear anything. */
static inline bool events_are_wanted(const struct config *config) {
  return *config->events_url != '\0';
}

/* Whether it is told, too. */
static inline bool events_are_sent(const struct config *config) {
  return events_are_wanted(config) &&
         strcmp(config->events_url, EVENTS_KEEP_ONLY) != 0;
}

/* Opens the outbox, and puts into it what the process before could not. NULL
 * with a line in `error`. */
MUST_CHECK struct events *events_new(const struct config *config,
                                     struct buf *error);

/* Starts the threads. */
void events_start(struct events *events);

/* By any thread. The event is copied, and gets its place behind those so far.
 * `id` is set if it is kept. */
enum events_verdict events_put(struct events *events, const struct event *event,
                               char id[EVENT_ID_BYTES]);

/* For those who hold back what events may have caused. */
struct tickets *events_tickets(struct events *events);

/* Appends the figures, in the text format of Prometheus. */
void events_print(struct events *events, struct buf *out);

/* Nobody puts any more: writes the rest, sends it if that is possible soon, and
 * ends the threads. */
void events_stop(struct events *events);

/* After events_stop, or without events_start. Accepts NULL. */
void events_free(struct events *events);

#endif
