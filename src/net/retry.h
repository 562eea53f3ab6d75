/* SPDX-License-Identifier: MIT
 * How long to wait before a request is made again. */
#ifndef NET_RETRY_H
#define NET_RETRY_H

#include "net/fetch.h"

#include <stdint.h>

enum {
  RETRY_WAIT_MIN_MS = 100, /* after a failure, at most; it doubles until */
  RETRY_WAIT_MAX_MS = 30000,
  RETRY_AFTER_MAX_MS = 600000 /* whatever Retry-After says */
};

/* What Retry-After says, in milliseconds; 0: nothing. */
uint64_t retry_after_ms(const struct fetch_result *result, int64_t now_s);

/* How long to wait after so many failures (1, 2, …): any time up to a bound
 * that doubles. */
uint64_t retry_wait_ms(unsigned failures);

#endif
