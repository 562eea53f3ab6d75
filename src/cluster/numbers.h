/* SPDX-License-Identifier: MIT
 * A room with numbers, as this machine follows it: for the files that do so. */
#ifndef CLUSTER_NUMBERS_H
#define CLUSTER_NUMBERS_H

#include "cluster/given.h"
#include "cluster/parcel.h"
#include "cluster/state.h"

struct fill;

struct numbers {
  struct name *name; /* of the room */
  struct rule rule;
  bool known;                 /* `at` is where the copy is */
  const struct fill *filling; /* Redis was asked; NULL: it was not */
  bool again;                 /* and is to be asked once more after that */
  bool refused;               /* the last time, so nothing is taken now */
  struct engine_position at;
  struct frame *last;            /* the message there; NULL: not known */
  uint64_t last_key;             /* with `latest`: a hash of its key */
  struct engine_position newest; /* that has come while it was filled */
  uint64_t filled;               /* up to here it was read, not heard */
  struct engine_position read;   /* from Redis, by the fill under way */
  struct list in_round;          /* in cluster->round */
  /* Where Redis was when it was compared, which was not here yet; an era of 0:
   * it was here. */
  struct engine_position ahead;
  struct given given[2]; /* of cluster/given: before the last loss of the
                          * connection, and since then */
  bool owes;             /* messages were sent to those here only; it is held */
  uint64_t ended_era;    /* since then; 0: none */
};

/* A record, as it was read. */
struct kept_record {
  uint64_t seq;
  struct slice bytes;
  struct record record;
};

/* The message of it, with its number. */
MUST_CHECK struct frame *numbers_frame(const struct record *record,
                                       uint64_t seq);

/* The next message of the room. */
void numbers_take(struct name *name, const struct record *record,
                  struct engine_position at);

/* These records, oldest first, become the copy. */
void numbers_replace(struct name *name, const struct kept_record *records,
                     size_t count, struct engine_position at);

/* Takes `hexadecimal:` or `decimal:` off the beginning. */
MUST_CHECK bool take_text_number(struct slice *rest, int base, uint64_t *value);

/* Of cluster/local: a fill has handed out all up to `at`. True: the room owes
 * its members a word, a new era was begun, and it is filled again. */
bool local_pay(struct name *name, struct engine_position at);

/* To be called each second: compares some rooms with Redis. */
void compare_tick(struct cluster *cluster);

#endif
