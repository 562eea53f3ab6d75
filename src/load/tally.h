/* SPDX-License-Identifier: MIT
 * What went wrong, counted by name. */
#ifndef LOAD_TALLY_H
#define LOAD_TALLY_H

#include "base/attr.h"

#include <stdint.h>

enum { TALLY_KINDS = 32, TALLY_NAME_BYTES = 64 };

/* Zeroed memory is an empty one. Kinds beyond the last count as "other". */
struct tally {
  uint64_t total;
  unsigned kinds;
  struct {
    char name[TALLY_NAME_BYTES]; /* cut to fit */
    uint64_t count;
  } kind[TALLY_KINDS];
};

/* Counts one of that name. */
void tally_add(struct tally *tally, const char *fmt, ...) PRINTF(2, 3);

#endif
