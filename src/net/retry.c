/* SPDX-License-Identifier: MIT
 * Requests that are made again. */
#include "net/retry.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *header_of(const struct fetch_result *result,
                             const char *name) {
  const char *at = result->headers.text;
  const char *end = at + result->headers.len;
  while (at && at < end) {
    const char *value = at + strlen(at) + 1;
    if (!strcmp(at, name))
      return value;
    at = value + strlen(value) + 1;
  }
  return NULL;
}

uint64_t retry_after_ms(const struct fetch_result *result, int64_t now_s) {
  const char *value =
      result->code == FETCH_OK ? header_of(result, "retry-after") : NULL;
  struct tm date = {0};
  int64_t seconds = 0;
  if (!value)
    return 0;
  if (isdigit((unsigned char)*value))
    seconds = strtoll(value, NULL, 10);
  else if (strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &date))
    seconds = (int64_t)timegm(&date) - now_s;
  if (seconds <= 0)
    return 0;
  return seconds < RETRY_AFTER_MAX_MS / 1000 ? (uint64_t)seconds * 1000
                                             : RETRY_AFTER_MAX_MS;
}

uint64_t retry_wait_ms(unsigned failures) {
  uint64_t most = RETRY_WAIT_MIN_MS;
  for (unsigned i = 1; i < failures && most < RETRY_WAIT_MAX_MS; i++)
    most *= 2;
  if (most > RETRY_WAIT_MAX_MS)
    most = RETRY_WAIT_MAX_MS;
  return (uint64_t)random() % (most + 1);
}
