/* SPDX-License-Identifier: MIT
 * A run from its beginning to its end: who is told what happens, and what has
 * to be opened and closed. */
#include "load/load.h"

#include "base/err.h"
#include "base/mem.h"
#include "load/phase.h"
#include "load/process.h"
#include "load/progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { TICK_MS = 20, SLOW_TICKS = 5, OTHER_FILES = 32 };

/* --- what happens ------------------------------------------------------- */

static bool on_message_due(void *arg, uint64_t due) {
  struct load *load = arg;
  if (load->plan->scenario == PLAN_STORM)
    return storm_due(&load->storm, due);
  return traffic_due(&load->traffic, due);
}

static void after_due(void *arg) {
  struct load *load = arg;
  peers_flush(&load->crowd.net);
}

static void on_client_in(void *arg, struct client *client) {
  struct load *load = arg;
  if (load->plan->scenario == PLAN_STORM && load->phase != CONNECTING)
    storm_in(&load->storm, client);
}

/* For those that have got in others may come: all at once, as they do at a
 * server after a restart, and not one by one. */
static void on_turn(uv_check_t *turn) {
  struct load *load = turn->data;
  if (load->phase == CONNECTING || load->plan->once)
    phase_advance(load);
}

static bool on_client_text(void *arg, struct client *client, const char *text,
                           size_t len) {
  struct load *load = arg;
  return traffic_text(&load->traffic, client, text, len);
}

static void on_client_message(void *arg, struct client *client,
                              const struct envelope *env, const char *text,
                              size_t len) {
  struct load *load = arg;
  if (load->plan->scenario != PLAN_STORM)
    traffic_message(&load->traffic, client, env, text, len);
  if (load->phase == PROBING || load->traffic.failed)
    phase_advance(load);
}

static void on_client_closed(void *arg, struct client *client) {
  struct load *load = arg;
  if (load->plan->scenario == PLAN_STORM && load->phase != DONE)
    storm_closed(&load->storm, client);
}

static const struct crowd_events crowd_events = {
    on_client_in, on_client_text, on_client_message, on_client_closed};

static void show_progress(struct load *load, uint64_t now) {
  const struct outcome *outcome = load->outcome;
  struct progress progress = {.phase = phase_name(load->phase),
                              .seconds = (double)(now - load->since) / 1e9,
                              .clients = load->crowd.in,
                              .of = load->crowd.total,
                              .count = load->plan->scenario == PLAN_STORM
                                           ? outcome->arrived
                                           : load->traffic.reached,
                              .latency = &outcome->latency,
                              .errors = outcome->errors.total};
  progress_show(&progress, now);
}

static void on_load_tick(uv_timer_t *timer) {
  struct load *load = timer->data;
  uint64_t now = uv_hrtime();
  uint64_t patience = (uint64_t)(load->plan->timeout_s * 1e9);
  if (load->ticks++ % SLOW_TICKS == 0 && load->phase >= WARMUP) {
    if (plan_comes_again(load->plan))
      storm_tick(&load->storm, now, patience);
    else
      traffic_tick(&load->traffic, now);
    if (load->crowd.in == 0 && load->plan->scenario != PLAN_STORM)
      phase_stop(load, "all connections were lost");
  }
  if (load->plan->progress && load->phase < DONE)
    show_progress(load, now);
  phase_advance(load);
}

/* The first one lets arrive what is under way, a second does not. */
static void on_stop_signal(uv_signal_t *handle, int number) {
  struct load *load = handle->data;
  (void)number;
  load->outcome->interrupted = true;
  if (load->phase == MEASURING) {
    phase_drain(load);
    return;
  }
  phase_stop(load, "interrupted");
  phase_advance(load);
}

/* --- beginning and end -------------------------------------------------- */

static int check_files(const struct plan *plan, struct outcome *outcome) {
  uint64_t files = process_raise_files();
  if (files >= (uint64_t)plan_peers(plan) + OTHER_FILES)
    return 0;
  snprintf(outcome->why, OUTCOME_WHY_BYTES,
           "%u connections need as many open files, and the limit is %llu: "
           "see `ulimit -Hn`",
           plan_peers(plan), (unsigned long long)files);
  return ERR_SYSTEM;
}

static void open_handles(struct load *load) {
  static const int numbers[] = {SIGINT, SIGTERM};
  uv_timer_init(&load->loop, &load->tick);
  uv_timer_init(&load->loop, &load->end);
  uv_check_init(&load->loop, &load->turn);
  load->tick.data = load->end.data = load->turn.data = load;
  uv_check_start(&load->turn, on_turn);
  uv_timer_start(&load->tick, on_load_tick, 0, TICK_MS);
  for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
    uv_signal_init(&load->loop, &load->signals[i]);
    load->signals[i].data = load;
    uv_signal_start(&load->signals[i], on_stop_signal, numbers[i]);
  }
}

static void close_handles(struct load *load) {
  schedule_stop(&load->schedule);
  uv_close((uv_handle_t *)&load->tick, NULL);
  uv_close((uv_handle_t *)&load->end, NULL);
  uv_close((uv_handle_t *)&load->turn, NULL);
  for (size_t i = 0; i < ARRAY_SIZE(load->signals); i++)
    uv_close((uv_handle_t *)&load->signals[i], NULL);
  crowd_close(&load->crowd);
}

static void run_phases(struct load *load) {
  open_handles(load);
  phase_begin(load);
  uv_run(&load->loop, UV_RUN_DEFAULT);
  load->phase = DONE;
  if (load->plan->progress)
    progress_clear();
  close_handles(load);
  uv_run(&load->loop, UV_RUN_DEFAULT);
}

static void prepare_load(struct load *load) {
  load->crowd.plan = load->traffic.plan = load->plan;
  load->crowd.errors = &load->outcome->errors;
  load->crowd.events = &crowd_events;
  load->crowd.arg = load->schedule.arg = load;
  load->traffic.crowd = load->storm.crowd = &load->crowd;
  load->traffic.script = load->script;
  load->traffic.outcome = load->storm.outcome = load->outcome;
  load->storm.open_loop = load->plan->rate > 0;
  load->storm.once = load->plan->once;
  load->figures.plan = load->plan;
  load->figures.outcome = load->outcome;
  load->figures.loop = &load->loop;
  load->schedule.fd = -1;
  load->schedule.run = on_message_due;
  load->schedule.after = after_due;
  traffic_init(&load->traffic);
  phase_set_window(load, UINT64_MAX, UINT64_MAX);
}

/* 0; or a negative error with the reason in `error`. */
static int open_load(struct load *load, struct buf *error) {
  pid_t pid = load->plan->pid;
  uv_loop_init(&load->loop);
  uv_loop_configure(&load->loop, UV_METRICS_IDLE_TIME);
  signal(SIGPIPE, SIG_IGN); /* a server that is gone shows in the result */
  if (figures_begin(&load->figures) == 0)
    return crowd_init(&load->crowd, &load->loop, error);
  buf_printf(error, "--pid: there is no process %d", (int)pid);
  return ERR_NOT_FOUND;
}

int load_run(const struct plan *plan, struct script *script,
             struct outcome *outcome) {
  struct buf error = {0};
  int err = check_files(plan, outcome);
  if (err)
    return err;
  struct load *load = mem_alloc(sizeof *load);
  load->plan = plan;
  load->script = script;
  load->outcome = outcome;
  prepare_load(load);
  err = open_load(load, &error);
  if (!err)
    run_phases(load);
  else
    snprintf(outcome->why, OUTCOME_WHY_BYTES, "%.*s", (int)error.len,
             error.data);
  uv_loop_close(&load->loop);
  crowd_free(&load->crowd);
  traffic_free(&load->traffic);
  mem_free(load);
  buf_free(&error);
  return err || outcome->measured_s <= 0 ? ERR_SYSTEM : 0;
}
