/* SPDX-License-Identifier: MIT
 * Where events wait until the backend has them.
 *
 * An outbox is a table of functions, so that events may wait elsewhere:
 * events/outbox_file keeps them in a file. It has two users, on a thread each:
 * the writer (events/writer) and the sender (events/sender).
 *
 * What is written in one go is there as a whole or not at all, also when the
 * process dies. Beside the events, an outbox knows what stands (enum
 * event_stand): who was online, when the process died, is told by the next one
 * (outbox_recover). An event that the backend does not want becomes a dead
 * letter, with the answer. */
#ifndef EVENTS_OUTBOX_H
#define EVENTS_OUTBOX_H

#include "base/attr.h"
#include "base/list.h"
#include "events/event.h"

struct outbox;

enum outbox_what {
  OUTBOX_PUT,  /* an event; a stand begins or ends */
  OUTBOX_TAKE, /* the backend has it: it goes */
  OUTBOX_BURY  /* the backend does not want it: a dead letter */
};

/* One thing to be written. */
struct outbox_work {
  struct list node;
  enum outbox_what what;
  int64_t pos;   /* TAKE, BURY */
  int64_t at_ms; /* Unix time: of the event; of its burial */
  int status;    /* BURY: what was answered, with the text */
  enum event_stand stand;
  bool begins;
  bool silent; /* PUT: only the stand is written */
  size_t bytes;
  const char *lane; /* PUT: events of one lane keep their order */
  const char *body; /* PUT: JSON; BURY: what was answered */
  const char *key;  /* of the stand, */
  const char *data; /* JSON object, and what the second event says of it */
  char texts[];     /* where all of these are */
};

/* Makes a work with room for texts; NULL ones are "". */
MUST_CHECK struct outbox_work *outbox_work_new(const struct outbox_work *like);

/* An event that waits. Borrowed. */
struct outbox_item {
  int64_t pos; /* they are read in this order */
  int64_t at_ms;
  const char *lane, *body;
  size_t body_len;
};

typedef void outbox_item_fn(void *arg, const struct outbox_item *item);

struct outbox_state {
  uint64_t waiting, dead; /* events */
  uint64_t bytes;         /* that the outbox takes */
  int64_t oldest_ms;      /* Unix time of the oldest that waits; 0: none */
};

/* All of these return 0, or ERR_SYSTEM with a line in `error`. */
struct outbox_calls {
  /* The writer: all of the list, in its order, in one commit. */
  int (*write)(struct outbox *outbox, const struct list *works,
               struct buf *error);
  /* The writer, before anything else: ends what stands, with an event each for
   * the types that are chosen. `id` begins the ids of these events. */
  int (*recover)(struct outbox *outbox, char *const *types, const char *id,
                 int64_t now_ms, unsigned *count, struct buf *error);
  /* The sender: up to `max` events after that position. */
  int (*read)(struct outbox *outbox, int64_t after, unsigned max,
              outbox_item_fn *each, void *arg, struct buf *error);
  /* The sender: whether that event waits still. */
  bool (*has)(struct outbox *outbox, int64_t pos);
  /* The sender, from time to time: whether somebody else has changed what
   * waits. */
  bool (*changed)(struct outbox *outbox);
  /* The writer. */
  int (*state)(struct outbox *outbox, bool counts, struct outbox_state *state,
               struct buf *error);
  void (*free)(struct outbox *outbox);
};

struct outbox {
  const struct outbox_calls *calls;
};

#endif
