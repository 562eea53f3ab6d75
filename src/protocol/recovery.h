/* SPDX-License-Identifier: MIT
 * What protocol/recover keeps of a member that is held. For that file, and for
 * protocol/missed, which reads for it. */
#ifndef PROTOCOL_RECOVERY_H
#define PROTOCOL_RECOVERY_H

#include "hub/held.h"
#include "hub/position.h"
#include "protocol/client.h"
#include "protocol/since.h"

/* A join that is not answered yet. */
struct join {
  struct list node; /* in recovery->joins */
  struct msg_id id;
  struct since since;
  bool begun; /* it is the first one, and what it wants is read, or was */
  enum position_recovered recovered;
  size_t len;
  char table[]; /* what @join returned: JSON of `len` bytes */
};

struct recovery {
  struct held held;
  struct task task;          /* it goes on */
  struct engine_read *read;  /* NULL: nothing is being read, */
  bool by_number;            /* by a number of the era of `at`; */
  bool repairing;            /* and then letters come again */
  uint32_t wanted;           /* values that are still to be found, backwards; */
  uint64_t before;           /* before this number, 0: of all; */
  bool paged;                /* and some were found already */
  struct engine_position at; /* the client has heard everything up to here */
  struct engine_position base; /* what waits is all that came after this */
  struct engine_position now;  /* what was read goes up to here */
  struct engine_message *list; /* what was read, with a reference for each */
  uint32_t next, count;        /* from `next` on it is to be sent */
  bool more;                   /* and more is to be read */
  bool behind;                 /* since it did not take what it was sent */
  bool repairs;                /* letters were left out, see room->behind */
  bool running;                /* so it may not be freed */
  bool over;                   /* it is not held any more */
  size_t sent;                 /* bytes, at this go */
  struct list joins;
};

static inline struct recovery *recovery_of(struct held *held) {
  return container_of(held, struct recovery, held);
}

static inline struct engine *recovery_engine(const struct recovery *recovery) {
  return manager_of(recovery->held.conn)->engine;
}

/* The join that is served next; NULL: there is none. */
static inline struct join *recovery_join(const struct recovery *recovery) {
  return list_empty(&recovery->joins)
             ? NULL
             : container_of(recovery->joins.next, struct join, node);
}

/* It has read something. Goes on, unless it is over. */
void recovery_go_on(struct recovery *recovery);

/* Tells the client that what it does not have up to `at` is lost. */
void recovery_send_resync(struct recovery *recovery);

#endif
