/* SPDX-License-Identifier: MIT
 * The open loop: says when something is due, at a fixed rate.
 *
 * The times are laid down beforehand, start + n / rate, and do not move when
 * something comes late: what is due at a time is called with that time. Whoever
 * measures from there has the waiting in the figure that a stall causes to all
 * who come meanwhile, and does not omit just the slow moments. libuv's timers
 * count milliseconds; this one is a timerfd and counts nanoseconds. */
#ifndef LOAD_SCHEDULE_H
#define LOAD_SCHEDULE_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* Does what was due at the time `due` of uv_hrtime. False: not possible now,
 * ask again in a moment; the time stays due. */
typedef bool schedule_fn(void *arg, uint64_t due);

struct schedule {
  uv_poll_t poll;
  int fd; /* -1: not started */
  double interval_ns;
  uint64_t start, count; /* count: how many were done */
  schedule_fn *run;
  void (*after)(void *arg); /* called once behind a burst of `run` */
  void *arg;
};

/* Starts now. `run`, `after` and `arg` are set by the caller. Returns 0 or
 * ERR_SYSTEM. */
MUST_CHECK int schedule_start(struct schedule *schedule, uv_loop_t *loop,
                              double rate);

/* How many were due from `from` up to `to`, and were not done. */
uint64_t schedule_missed(const struct schedule *schedule, uint64_t from,
                         uint64_t to);

/* Harmless when it was not started or is stopped. */
void schedule_stop(struct schedule *schedule);

#endif
