/* SPDX-License-Identifier: MIT
 * Log lines that strangers can cause. Each kind is written once a minute, and
 * there are at most as many kinds a minute as the table has places. So nobody
 * fills the disk. */
#ifndef EDGE_QUIET_H
#define EDGE_QUIET_H

#include <stdbool.h>
#include <stdint.h>

enum { QUIET_KINDS = 64, QUIET_MS = 60000 };

/* Zeroed: nothing was said yet. */
struct quiet {
  struct {
    uint64_t hash; /* of the kind; 0: free */
    uint64_t said_ms;
    unsigned kept; /* lines that were not written since */
  } kinds[QUIET_KINDS];
};

/* Whether a line of this kind (any text, such as "403 https://a.example") may
 * be written now. `kept` gets how many lines of the kind were kept back since
 * the last one that was written; log lines show it as unsaid=N. */
bool quiet_may_say(struct quiet *quiet, const char *kind, uint64_t now_ms,
                   unsigned *kept);

#endif
