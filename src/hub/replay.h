/* SPDX-License-Identifier: MIT
 * What one client with a session was sent, and has not acknowledged.
 *
 * Both sides of a session count messages, and exchange only counts. So nothing
 * is added to a message: that a client has taken n of them says which are still
 * to be kept. Kept are references to frames, as they are before compression:
 * another socket may have agreed on another form.
 *
 * What is kept is bounded, for each and for all of a worker. A client that is
 * connected loses the oldest then, and could not resume without them. If there
 * are sessions whose clients are away, those end before others lose anything:
 * with the end of the turn, as nobody may be closed but the one that is sent to
 * (hub/delivery). Until then a little more may be kept. */
#ifndef HUB_REPLAY_H
#define HUB_REPLAY_H

#include "base/list.h"
#include "hub/outq.h"

#include <stdbool.h>
#include <stdint.h>

struct conn;

enum { REPLAY_SECRET_BYTES = 16 };

/* All of a worker. */
struct replays {
  size_t each;         /* bytes that may be kept for one */
  size_t bytes, limit; /* that are kept for all, and may be */
  uint32_t count;      /* sessions that there are */
  uint32_t parked;     /* of those: without their clients; hub/shed ends them */
};

/* Of one whose client was lost. It stays when the client has come back, as
 * scripts may hear of it later. */
struct away {
  struct list node; /* in manager->away while the client is away */
  struct conn *conn;
  uint64_t since_ms, until_ms; /* loop time */
  char *why;                   /* the reason, for the hook @away */
};

struct replay {
  uint64_t sent;     /* messages to the client since the session began */
  uint64_t received; /* messages of the client since then */
  uint64_t acked;    /* the most that the client has said to have */
  struct outq kept;  /* the newest of those that were sent */
  bool asked;        /* the client was asked how many it has */
  unsigned char secret[REPLAY_SECRET_BYTES];
  struct away *away; /* NULL: it was never lost */
  void *wish; /* of protocol/resume, until the client is let in; or NULL */
};

/* Keeps nothing, has counted nothing, and its secret is zero. */
MUST_CHECK struct replay *replay_new(void);

/* Accepts NULL. */
void replay_free(struct replay *replay, struct replays *all);

/* One message more is sent: counts it, and keeps a reference. What is over a
 * bound is dropped, the oldest first. */
void replay_keep(struct replay *replay, struct replays *all,
                 struct frame *frame);

/* How many of the messages nobody can ask for any more. */
static inline uint64_t replay_base(const struct replay *replay) {
  return replay->sent - replay->kept.count;
}

/* Whether a client that has the first `n` messages can have all the others. */
static inline bool replay_has_after(const struct replay *replay, uint64_t n) {
  return n >= replay_base(replay) && n <= replay->sent;
}

/* The client has the first `n` messages. A number that cannot be is ignored. */
void replay_ack(struct replay *replay, struct replays *all, uint64_t n);

/* Whether the client should be asked how many it has: half of what may be kept
 * for it is, and it was not asked since it last answered. */
static inline bool replay_wants_ack(const struct replay *replay,
                                    const struct replays *all) {
  return !replay->asked && replay->kept.bytes > all->each / 2;
}

#endif
