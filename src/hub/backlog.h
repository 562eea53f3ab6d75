/* SPDX-License-Identifier: MIT
 * How much waits for the clients of a worker that do not keep up, and for
 * which of them most does.
 *
 * limits.queue_bytes bounds what one client can make the server keep. This is
 * the account for the bound of all of them together; hub/shed is the one who
 * ends connections when it is exceeded.
 *
 * A connection is in the backlog while its socket takes less than it is given.
 * What waits for the others leaves with the loop turn and is not counted.
 * Otherwise one long message to everybody would count as often as there are
 * clients, and the healthy ones would pay.
 *
 * The bytes that a queue still has to write are counted. Queues share frames:
 * so the memory in use is at most about that, and less where many wait for the
 * same.
 *
 * Entries stand in lists by size, one list for each power of 2. So to find the
 * largest costs the same however many there are, and is exact up to a factor
 * of 2. Nothing here is touched for a client that keeps up. */
#ifndef HUB_BACKLOG_H
#define HUB_BACKLOG_H

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BACKLOG_SIZES = 40 };

/* What waits for one client. Zeroed, with its node list_init'ed, at first. */
struct backlog_entry {
  struct list node; /* linked while it is in the backlog */
  size_t bytes;     /* that wait, as they are counted */
  uint64_t acked;   /* at acked_ms, when it was last seen to have changed */
  uint64_t acked_ms : 40;    /* loop time, of 34 years; in a word with: */
  uint64_t patience_ms : 24; /* how long it may stay that, see backlog.c */
};

struct backlog {
  size_t bytes, limit; /* what waits, and may; limit 0: any number of bytes */
  struct list sizes[BACKLOG_SIZES]; /* backlog_entry->node */
};

void backlog_init(struct backlog *backlog, size_t limit);

/* So many bytes wait for that client now; 0 takes it out. */
void backlog_put(struct backlog *backlog, struct backlog_entry *entry,
                 size_t bytes, uint64_t now_ms);

static inline bool backlog_is_over(const struct backlog *backlog) {
  return backlog->limit > 0 && backlog->bytes > backlog->limit;
}

/* The largest entry, up to a factor of 2; NULL if there is none. */
struct backlog_entry *backlog_largest(const struct backlog *backlog);

/* Its peer has acknowledged so many bytes since the connection began: whether
 * that is what it was `stall_ms` ago; or longer, up to three times that, if it
 * had just acknowledged much. */
bool backlog_is_stalled(struct backlog_entry *entry, uint64_t acked,
                        uint64_t now_ms, uint64_t stall_ms);

#endif
