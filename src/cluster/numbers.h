/* SPDX-License-Identifier: MIT
 * A room with numbers, as this machine follows it: for the files that do so. */
#ifndef CLUSTER_NUMBERS_H
#define CLUSTER_NUMBERS_H

#include "cluster/state.h"

struct numbers {
  struct name *name; /* of the room */
  struct rule rule;
  bool known;   /* `at` is where the copy is */
  bool filling; /* Redis was asked */
  bool again;   /* and is to be asked once more after that */
  struct engine_position at;
  struct frame *last;            /* the message there; NULL: not known */
  struct engine_position newest; /* that has come while it was filled */
  struct engine_position read;   /* from Redis, by the fill under way */
  struct list in_round;          /* in cluster->round */
  struct engine_position ahead;  /* where Redis was when it was compared, which
                                  * was not here yet; an era of 0: it was here */
};

/* To be called each second: compares some rooms with Redis. */
void compare_tick(struct cluster *cluster);

#endif
