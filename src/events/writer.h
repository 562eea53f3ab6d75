/* SPDX-License-Identifier: MIT
 * The one thread that writes to the outbox.
 *
 * Whoever has something to be written puts it into a list; the thread takes the
 * whole list, and commits it in one go (group commit): the more comes, the less
 * each costs. Then it settles the tickets. When it cannot write, it tries again
 * each second, and nothing is settled meanwhile. */
#ifndef EVENTS_WRITER_H
#define EVENTS_WRITER_H

#include "events/outbox.h"
#include "events/tickets.h"

#include <uv.h>

/* Of all threads; read by anybody. */
struct writer_figures {
  _Atomic uint64_t waiting, dead;   /* events in the outbox */
  _Atomic uint64_t bytes;           /* of the outbox */
  _Atomic int64_t oldest_ms;        /* Unix time; 0: none waits */
  _Atomic uint64_t queued;          /* bytes that are not written yet */
  _Atomic uint64_t put, buried;     /* events, since the start */
  _Atomic uint64_t commits, faults; /* and what did not work */
};

struct writer {
  struct outbox *outbox;
  struct tickets *tickets;
  uv_thread_t thread;
  uv_mutex_t lock;   /* of: */
  uv_cond_t more;    /* */
  struct list works; /* outbox_work.node */
  uint64_t last;     /* ticket of the last one */
  bool sleeps, stops, recounts;
  struct writer_figures figures;
  uint64_t told_ms; /* when the log last heard that it does not work */
  void (*written)(void *arg);
  void *arg;
};

/* `written` is called on the writer's thread when events were written. */
void writer_init(struct writer *writer, struct outbox *outbox,
                 struct tickets *tickets, void (*written)(void *arg),
                 void *arg);

/* Counts what is there. Before the thread starts. */
MUST_CHECK int writer_count(struct writer *writer, struct buf *error);

void writer_start(struct writer *writer);

/* By any thread. A PUT gets a ticket. */
void writer_post_take(struct writer *writer, struct outbox_work *work);

/* Somebody else has changed what is in the outbox. */
void writer_recount(struct writer *writer);

/* Writes what is left, and ends the thread. */
void writer_stop(struct writer *writer);

/* What was never written is lost with it. */
void writer_free(struct writer *writer);

#endif
