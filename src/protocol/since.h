/* SPDX-License-Identifier: MIT
 * From where on a client that joins wants to hear a room: `since` of `join`. */
#ifndef PROTOCOL_SINCE_H
#define PROTOCOL_SINCE_H

#include "engine/engine.h"
#include "protocol/envelope.h"

enum since_kind {
  SINCE_NOW,      /* nothing is replayed */
  SINCE_POSITION, /* what came after `seq` of `epoch` */
  SINCE_LAST,     /* the newest `last` messages */
};

struct since {
  enum since_kind kind;
  char epoch[ENGINE_EPOCH_BYTES]; /* "" if it is none that could be */
  uint64_t seq;
  uint32_t last; /* 1 or more */
  bool again;    /* it is a member already, and must not miss what comes */
};

/* Reads it from the data of the message. Without `since`, or with null, it is
 * SINCE_NOW. ERR_BAD_REQUEST if it has neither of the two forms,
 * {"epoch":"…","seq":N} and {"last":N}. */
MUST_CHECK int since_read(const struct envelope *env, struct since *out);

#endif
