/* SPDX-License-Identifier: MIT
 * From the outbox to the backend, on a thread of its own.
 *
 * Events gather for a moment, or until a batch is full, and are POSTed, several
 * requests at once. A batch that fails is tried again later; what may be sent
 * meanwhile is said by events/lanes. In memory there is only a window of what
 * waits. */
#ifndef EVENTS_SENDER_H
#define EVENTS_SENDER_H

#include "events/lanes.h"
#include "events/writer.h"
#include "net/fetch.h"

#include <stdbool.h>

struct sender_options {
  const char *url, *secret, *ca_file; /* borrowed */
  unsigned batch;                     /* events in a request */
};

struct sender_figures {
  _Atomic uint64_t sent, requests, failures; /* events; requests */
};

struct sender {
  struct sender_options options;
  struct writer *writer;
  struct fetcher *fetcher;
  uv_thread_t thread;
  uv_loop_t loop;
  uv_async_t wake; /* more was written, or it ends */
  uv_timer_t gather, again, look, last;
  struct lanes lanes;
  struct list later;  /* batches that wait for their next attempt */
  struct list flying; /* batch_flight.node */
  int64_t pos;        /* read up to here */
  bool more;          /* the outbox may have more than that */
  bool gathered;      /* those that wait need not wait for others */
  unsigned in_flight;
  unsigned failures;  /* since the last one that was taken */
  uint64_t new_ms;    /* no new batch before that (loop time) */
  uint64_t all_ms;    /* nothing at all: the backend has said so */
  uint64_t buried_ms; /* when it last heard of a dead letter, */
  unsigned unsaid;    /* and of how many it has not, since */
  uint64_t told_ms;   /* when the log last heard of a failure */
  _Atomic bool woken; /* more was written */
  _Atomic bool stops; /* it ends as soon as nothing is left */
  bool ending, closed;
  struct sender_figures figures;
};

/* ERR_SYSTEM with a line in `error`. */
MUST_CHECK int sender_open(struct sender *sender,
                           const struct sender_options *options,
                           struct writer *writer, struct buf *error);

void sender_start(struct sender *sender);

/* Something was written. By any thread. */
void sender_wake(struct sender *sender);

/* Sends what is left, for a few seconds while the backend takes it, and ends
 * the thread. */
void sender_stop(struct sender *sender);

/* After sender_open, whether it was started or not. */
void sender_free(struct sender *sender);

#endif
