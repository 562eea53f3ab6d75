/* SPDX-License-Identifier: MIT
 * One event, as it happens and as the backend is told of it. */
#ifndef EVENTS_EVENT_H
#define EVENTS_EVENT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  EVENT_TYPE_BYTES = 128,
  EVENT_ID_BYTES = 40, /* with the zero */
};

/* What lasts from one event to another: if the process dies in between, the
 * next one says the second. The numbers are in files. */
enum event_stand {
  EVENT_ALONE = 0,
  EVENT_CLIENT = 1, /* client.connected … client.disconnected */
  EVENT_ROOM = 2,   /* room.occupied … room.vacated */
  EVENT_USER = 3,   /* user.online … user.offline */
  EVENT_STANDS
};

/* Borrowed. */
struct event {
  const char *type;
  const char *user;        /* NULL: of nobody */
  const char *traceparent; /* of what has caused it; NULL: not known */
  const char *data;        /* JSON, */
  size_t data_len;
  enum event_stand stand;
  bool begins;     /* of a stand: it is the first of the two events */
  const char *key; /* and of whom: connection, room, user */
};

/* The types of the two events of a stand. */
const char *event_stand_type(enum event_stand stand, bool begins);

/* Whether scripts may not emit it: user.…, client.… and room.… are the
 * server's own. */
bool event_type_is_ours(const char *type);

/* What is wrong with a type of a script; NULL: nothing. */
const char *event_type_fault(const char *type, size_t len);

/* Appends the JSON object that the backend gets. */
void event_write(const struct event *event, const char *id, int64_t at_ms,
                 struct buf *out);

/* Whether one of the patterns (NULL at the end) fits the type: `*`, `order.*`,
 * `order.made`. */
bool event_is_chosen(char *const *patterns, const char *type);

#endif
