/* SPDX-License-Identifier: MIT
 * The line that shows how a run is going. */
#include "load/progress.h"

#include "load/text.h"

#include <stdio.h>

enum { EVERY_NS = 250000000 };

/* What was shown last: one line, one terminal. */
static uint64_t shown, shown_count;

void progress_show(const struct progress *progress, uint64_t now) {
  char rate[TEXT_BYTES], p99[TEXT_BYTES], errors[TEXT_BYTES];
  if (now - shown < EVERY_NS)
    return;
  double seconds = shown ? (double)(now - shown) / 1e9 : 0;
  double count = (double)(progress->count - shown_count);
  shown = now;
  shown_count = progress->count;
  fprintf(stderr, "\r\033[K%s %.1f s  %u/%u in", progress->phase,
          progress->seconds, progress->clients, progress->of);
  if (count > 0 && seconds > 0)
    fprintf(stderr, "  %s/s", text_count(rate, (uint64_t)(count / seconds)));
  if (progress->latency->count > 0)
    fprintf(stderr, "  p99 %s",
            text_time(p99, (double)hist_quantile(progress->latency, 0.99)));
  if (progress->errors > 0)
    fprintf(stderr, "  errors %s", text_count(errors, progress->errors));
  fflush(stderr);
}

void progress_clear(void) {
  fputs("\r\033[K", stderr);
  fflush(stderr);
}
