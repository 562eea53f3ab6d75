/* SPDX-License-Identifier: MIT
 * Causes of frames. */
#include "wire/cause.h"

#include "base/mem.h"

#include <stdio.h>

_Thread_local struct cause *cause_now;

struct cause *cause_new(uint64_t span, const char *trace) {
  struct cause *cause = mem_alloc(sizeof *cause);
  atomic_init(&cause->refs, 1);
  cause->span = span;
  snprintf(cause->trace, sizeof cause->trace, "%s", trace);
  return cause;
}

struct cause *cause_ref(struct cause *cause) {
  if (cause)
    atomic_fetch_add_explicit(&cause->refs, 1, memory_order_relaxed);
  return cause;
}

void cause_unref(struct cause *cause) {
  if (cause &&
      atomic_fetch_sub_explicit(&cause->refs, 1, memory_order_acq_rel) == 1)
    mem_free(cause);
}
