/* SPDX-License-Identifier: MIT
 * The open loop. */
#include "load/schedule.h"

#include "base/err.h"

#include <math.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
  BURST = 256,        /* then the answers get their turn */
  AGAIN_NS = 1000000, /* until `run` is asked again */
  NS_PER_S = 1000000000
};

static uint64_t due(const struct schedule *schedule) {
  return schedule->start +
         (uint64_t)((double)schedule->count * schedule->interval_ns);
}

/* A time that is past fires at once, but not before the loop has turned. */
static void arm_timerfd(struct schedule *schedule, uint64_t time) {
  struct itimerspec spec = {0};
  spec.it_value.tv_sec = (time_t)(time / NS_PER_S);
  spec.it_value.tv_nsec = (long)(time % NS_PER_S);
  timerfd_settime(schedule->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void on_time(uv_poll_t *poll, int status, int events) {
  struct schedule *schedule = poll->data;
  uint64_t now = uv_hrtime(), next = due(schedule), fired;
  (void)status, (void)events;
  if (read(schedule->fd, &fired, sizeof fired) < 0)
    return; /* a stale event: the timer is armed */
  for (int i = 0; i < BURST && next <= now; i++) {
    if (!schedule->run(schedule->arg, next)) {
      next = now + AGAIN_NS;
      break;
    }
    schedule->count++;
    next = due(schedule);
  }
  schedule->after(schedule->arg);
  if (schedule->fd >= 0)
    arm_timerfd(schedule, next);
}

int schedule_start(struct schedule *schedule, uv_loop_t *loop, double rate) {
  schedule->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (schedule->fd < 0)
    return ERR_SYSTEM;
  if (uv_poll_init(loop, &schedule->poll, schedule->fd)) {
    close(schedule->fd);
    schedule->fd = -1;
    return ERR_SYSTEM;
  }
  schedule->poll.data = schedule;
  schedule->interval_ns = NS_PER_S / rate;
  schedule->start = uv_hrtime();
  schedule->count = 0;
  uv_poll_start(&schedule->poll, UV_READABLE, on_time);
  arm_timerfd(schedule, schedule->start);
  return 0;
}

uint64_t schedule_missed(const struct schedule *schedule, uint64_t from,
                         uint64_t to) {
  uint64_t next = due(schedule);
  if (next < from)
    next = from;
  if (next >= to)
    return 0;
  return (uint64_t)ceil((double)(to - next) / schedule->interval_ns);
}

void schedule_stop(struct schedule *schedule) {
  if (schedule->fd < 0)
    return;
  uv_close((uv_handle_t *)&schedule->poll, NULL);
  close(schedule->fd);
  schedule->fd = -1;
}
