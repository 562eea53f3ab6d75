/* SPDX-License-Identifier: MIT
 * A run from its beginning to its end.
 *
 * Phases follow each other in `advance`, which is asked at every tick and when
 * something has happened that may end one. What is measured is what was due
 * between two times; messages of that time that arrive later count as well,
 * for else the slowest ones would be left out. */
#include "load/load.h"

#include "base/err.h"
#include "base/mem.h"
#include "load/crowd.h"
#include "load/process.h"
#include "load/progress.h"
#include "load/schedule.h"
#include "load/storm.h"
#include "load/traffic.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { TICK_MS = 20, SLOW_TICKS = 5, OTHER_FILES = 32 };

enum phase { CONNECTING, PROBING, WARMUP, MEASURING, DRAINING, DONE };

static const char *const phase_names[] = {"connecting", "trying", "warming up",
                                          "measuring", "waiting"};

struct load {
  const struct plan *plan;
  struct script *script;
  struct outcome *outcome;
  enum phase phase;
  uint64_t since;                /* when the phase began */
  uint64_t moved;                /* when somebody got in or out last */
  unsigned moved_count;          /* how many had then */
  uint64_t memory;               /* of the server before anybody connected */
  uint64_t cpu, own_cpu, waited; /* when measuring began */
  unsigned ticks;
  uv_loop_t loop;
  uv_timer_t tick;
  uv_timer_t end; /* of the phase, to the millisecond */
  uv_signal_t signals[2];
  struct crowd crowd;
  struct traffic traffic;
  struct storm storm;
  struct schedule schedule;
};

static void advance(struct load *load);

/* --- figures ------------------------------------------------------------ */

static void note_memory(struct load *load) {
  uint64_t bytes;
  if (!load->plan->pid || process_memory(load->plan->pid, &bytes) < 0)
    return;
  load->outcome->server_bytes =
      bytes > load->memory ? (double)(bytes - load->memory) : 0;
}

static void start_figures(struct load *load) {
  load->own_cpu = process_own_cpu();
  load->waited = uv_metrics_idle_time(&load->loop);
  if (load->plan->pid)
    load->outcome->knows_server = process_cpu(load->plan->pid, &load->cpu) == 0;
}

static void end_figures(struct load *load, uint64_t now) {
  struct outcome *outcome = load->outcome;
  uint64_t cpu = 0;
  outcome->measured_s = (double)(now - load->since) / 1e9;
  double wall = (double)(now - load->since);
  uint64_t waited = uv_metrics_idle_time(&load->loop) - load->waited;
  outcome->generator_cores = (double)(process_own_cpu() - load->own_cpu) / wall;
  outcome->generator_busy = 1 - (double)waited / wall;
  if (outcome->knows_server)
    outcome->knows_server = process_cpu(load->plan->pid, &cpu) == 0;
  outcome->server_cpu_s = (double)(cpu - load->cpu) / 1e9;
  if (load->plan->scenario == PLAN_IDLE)
    note_memory(load);
  if (load->schedule.fd >= 0)
    outcome->behind = schedule_missed(&load->schedule, load->traffic.from, now);
}

/* --- phases ------------------------------------------------------------- */

static void on_end_of_phase(uv_timer_t *timer) {
  advance(timer->data);
}

static void enter(struct load *load, enum phase phase, double seconds) {
  load->phase = phase;
  load->since = load->moved = uv_hrtime();
  uv_timer_stop(&load->end);
  if (seconds >= 0)
    uv_timer_start(&load->end, on_end_of_phase,
                   (uint64_t)(seconds * 1000 + 0.5), 0);
}

static void set_window(struct load *load, uint64_t from, uint64_t to) {
  load->traffic.from = load->storm.from = from;
  load->traffic.to = load->storm.to = to;
}

/* What was measured up to here counts. */
static void stop_early(struct load *load, const char *why) {
  uint64_t now = uv_hrtime();
  if (load->phase == MEASURING) {
    end_figures(load, now);
    set_window(load, load->traffic.from, now);
  }
  if (!load->outcome->why[0])
    snprintf(load->outcome->why, OUTCOME_WHY_BYTES, "%s", why);
  load->phase = DONE;
}

static bool on_due(void *arg, uint64_t due) {
  struct load *load = arg;
  if (load->plan->scenario == PLAN_STORM)
    return storm_due(&load->storm, due);
  return traffic_due(&load->traffic, due);
}

static void after_due(void *arg) {
  struct load *load = arg;
  peers_flush(&load->crowd.net);
}

static void begin_warmup(struct load *load) {
  enter(load, WARMUP, load->plan->warmup_s);
  if (load->plan->scenario == PLAN_STORM)
    storm_begin(&load->storm);
  else if (plan_has_traffic(load->plan))
    traffic_begin(&load->traffic);
  if (load->plan->rate > 0 && load->plan->scenario != PLAN_IDLE &&
      schedule_start(&load->schedule, &load->loop, load->plan->rate) < 0)
    stop_early(load, "no timer for --rate: out of file descriptors");
}

static void begin_measuring(struct load *load) {
  enter(load, MEASURING, load->plan->duration_s);
  set_window(load, load->since, UINT64_MAX);
  start_figures(load);
}

static void begin_draining(struct load *load) {
  uint64_t now = uv_hrtime();
  end_figures(load, now);
  set_window(load, load->traffic.from, now);
  load->traffic.sending = load->storm.going = false;
  schedule_stop(&load->schedule);
  enter(load, DRAINING, load->plan->timeout_s);
}

/* A server may take a moment for each, but it has to go on. */
static bool is_stuck(struct load *load, uint64_t now) {
  double pause_s = load->plan->ramp > 0 ? 1 / load->plan->ramp : 0;
  unsigned count = load->crowd.in + load->crowd.failed;
  if (count != load->moved_count)
    load->moved = now;
  load->moved_count = count;
  return (double)(now - load->moved) / 1e9 > load->plan->timeout_s + pause_s;
}

static void on_settled(struct load *load, uint64_t now) {
  struct crowd *crowd = &load->crowd;
  char why[OUTCOME_WHY_BYTES];
  load->outcome->connected = crowd->in;
  load->outcome->connecting_s = (double)(now - crowd->start) / 1e9;
  note_memory(load);
  if (crowd->in == 0) {
    bool token = strcmp(crowd->last_error, err_name(ERR_INVALID_TOKEN)) == 0;
    snprintf(why, sizeof why, "no connection got in: %s%s", crowd->last_error,
             token ? ": --secret must be the server's auth.secret" : "");
    stop_early(load, why);
  } else if (plan_has_traffic(load->plan) && !load->script) {
    enter(load, PROBING, load->plan->timeout_s);
    traffic_probe(&load->traffic);
  } else {
    begin_warmup(load);
  }
}

static void advance_connecting(struct load *load, uint64_t now) {
  char why[OUTCOME_WHY_BYTES];
  if (!crowd_open_more(&load->crowd, now)) {
    on_settled(load, now);
  } else if (is_stuck(load, now)) {
    load->outcome->connected = load->crowd.in;
    snprintf(why, sizeof why,
             "only %u of %u connections got in, the others get no answer",
             load->crowd.in, load->crowd.total);
    tally_add(&load->outcome->errors, "no answer in time");
    stop_early(load, why);
  }
}

static bool is_over(const struct load *load, uint64_t now, double seconds) {
  return (double)(now - load->since) / 1e9 >= seconds - 1e-3;
}

static bool has_drained(const struct load *load) {
  if (load->plan->scenario == PLAN_STORM)
    return load->crowd.under_way == 0;
  return !plan_has_traffic(load->plan) || traffic_complete(&load->traffic);
}

static void advance(struct load *load) {
  const struct plan *plan = load->plan;
  uint64_t now = uv_hrtime();
  if (load->phase != DONE && load->traffic.failed)
    load->phase = DONE;
  switch (load->phase) {
  case CONNECTING:
    advance_connecting(load, now);
    break;
  case PROBING:
    if (load->traffic.probed && load->outcome->why[0])
      load->phase = DONE;
    else if (load->traffic.probed)
      begin_warmup(load);
    else if (is_over(load, now, plan->timeout_s))
      stop_early(load, "the server does not answer a first message");
    break;
  case WARMUP:
    if (is_over(load, now, plan->warmup_s))
      begin_measuring(load);
    break;
  case MEASURING:
    if (is_over(load, now, plan->duration_s))
      begin_draining(load);
    break;
  case DRAINING:
    if (has_drained(load) || is_over(load, now, plan->timeout_s))
      load->phase = DONE;
    break;
  case DONE:
    break;
  }
  peers_flush(&load->crowd.net);
  if (load->phase == DONE)
    uv_stop(&load->loop);
}

/* --- what happens ------------------------------------------------------- */

static void on_in(void *arg, struct client *client) {
  struct load *load = arg;
  if (load->plan->scenario == PLAN_STORM)
    storm_in(&load->storm, client);
  else if (load->phase == CONNECTING)
    advance(load);
}

static bool on_text(void *arg, struct client *client, const char *text,
                    size_t len) {
  struct load *load = arg;
  return traffic_text(&load->traffic, client, text, len);
}

static void on_message(void *arg, struct client *client,
                       const struct envelope *env, const char *text,
                       size_t len) {
  struct load *load = arg;
  if (load->plan->scenario != PLAN_STORM)
    traffic_message(&load->traffic, client, env, text, len);
  if (load->phase == PROBING || load->traffic.failed)
    advance(load);
}

static void on_closed(void *arg, struct client *client) {
  struct load *load = arg;
  if (load->plan->scenario == PLAN_STORM && load->phase != DONE)
    storm_closed(&load->storm, client);
}

static const struct crowd_events crowd_events = {on_in, on_text, on_message,
                                                 on_closed};

static void show_progress(struct load *load, uint64_t now) {
  const struct outcome *outcome = load->outcome;
  struct progress progress = {.phase = phase_names[load->phase],
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

static void on_tick(uv_timer_t *timer) {
  struct load *load = timer->data;
  uint64_t now = uv_hrtime();
  uint64_t patience = (uint64_t)(load->plan->timeout_s * 1e9);
  if (load->ticks++ % SLOW_TICKS == 0 && load->phase >= WARMUP) {
    if (load->plan->scenario == PLAN_STORM)
      storm_tick(&load->storm, now, patience);
    else
      traffic_tick(&load->traffic, now);
    if (load->crowd.in == 0 && load->plan->scenario != PLAN_STORM)
      stop_early(load, "all connections were lost");
  }
  if (load->plan->progress && load->phase < DONE)
    show_progress(load, now);
  advance(load);
}

/* The first one lets arrive what is under way, a second does not. */
static void on_signal(uv_signal_t *handle, int number) {
  struct load *load = handle->data;
  (void)number;
  load->outcome->interrupted = true;
  if (load->phase == MEASURING) {
    begin_draining(load);
    return;
  }
  stop_early(load, "interrupted");
  advance(load);
}

/* --- beginning and end -------------------------------------------------- */

static void open_handles(struct load *load) {
  static const int numbers[] = {SIGINT, SIGTERM};
  uv_timer_init(&load->loop, &load->tick);
  uv_timer_init(&load->loop, &load->end);
  load->tick.data = load->end.data = load;
  uv_timer_start(&load->tick, on_tick, 0, TICK_MS);
  for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
    uv_signal_init(&load->loop, &load->signals[i]);
    load->signals[i].data = load;
    uv_signal_start(&load->signals[i], on_signal, numbers[i]);
  }
}

static void close_handles(struct load *load) {
  schedule_stop(&load->schedule);
  uv_close((uv_handle_t *)&load->tick, NULL);
  uv_close((uv_handle_t *)&load->end, NULL);
  for (size_t i = 0; i < ARRAY_SIZE(load->signals); i++)
    uv_close((uv_handle_t *)&load->signals[i], NULL);
  crowd_close(&load->crowd);
}

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

static void run(struct load *load) {
  open_handles(load);
  if (load->plan->scenario == PLAN_STORM)
    begin_warmup(load);
  else
    enter(load, CONNECTING, -1);
  uv_run(&load->loop, UV_RUN_DEFAULT);
  load->phase = DONE;
  if (load->plan->progress)
    progress_clear();
  close_handles(load);
  uv_run(&load->loop, UV_RUN_DEFAULT);
}

static void prepare(struct load *load) {
  load->crowd.plan = load->traffic.plan = load->plan;
  load->crowd.errors = &load->outcome->errors;
  load->crowd.events = &crowd_events;
  load->crowd.arg = load->schedule.arg = load;
  load->traffic.crowd = load->storm.crowd = &load->crowd;
  load->traffic.script = load->script;
  load->traffic.outcome = load->storm.outcome = load->outcome;
  load->storm.open_loop = load->plan->rate > 0;
  load->schedule.fd = -1;
  load->schedule.run = on_due;
  load->schedule.after = after_due;
  traffic_init(&load->traffic);
  set_window(load, UINT64_MAX, UINT64_MAX);
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
  prepare(load);
  uv_loop_init(&load->loop);
  uv_loop_configure(&load->loop, UV_METRICS_IDLE_TIME);
  signal(SIGPIPE, SIG_IGN); /* a server that is gone shows in the result */
  if (plan->pid && process_memory(plan->pid, &load->memory) < 0) {
    buf_printf(&error, "--pid: there is no process %d", (int)plan->pid);
    err = ERR_NOT_FOUND;
  }
  if (!err)
    err = crowd_init(&load->crowd, &load->loop, &error);
  if (!err)
    run(load);
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
