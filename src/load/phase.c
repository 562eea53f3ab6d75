/* SPDX-License-Identifier: MIT
 * The phases of a run. */
#include "load/phase.h"

#include "base/err.h"

#include <stdio.h>
#include <string.h>

static void on_end_of_phase(uv_timer_t *timer) {
  phase_advance(timer->data);
}

static void enter_phase(struct load *load, enum phase phase, double seconds) {
  load->phase = phase;
  load->since = load->moved = uv_hrtime();
  uv_timer_stop(&load->end);
  if (seconds >= 0)
    uv_timer_start(&load->end, on_end_of_phase,
                   (uint64_t)(seconds * 1000 + 0.5), 0);
}

void phase_set_window(struct load *load, uint64_t from, uint64_t to) {
  load->traffic.from = load->storm.from = from;
  load->traffic.to = load->storm.to = to;
}

static void finish_figures(struct load *load, uint64_t now) {
  figures_end(&load->figures, now);
  if (load->schedule.fd >= 0)
    load->outcome->behind =
        schedule_missed(&load->schedule, load->traffic.from, now);
}

void phase_stop(struct load *load, const char *why) {
  uint64_t now = uv_hrtime();
  if (load->phase == MEASURING) {
    finish_figures(load, now);
    phase_set_window(load, load->traffic.from, now);
  }
  if (!load->outcome->why[0])
    snprintf(load->outcome->why, OUTCOME_WHY_BYTES, "%s", why);
  load->phase = DONE;
}

static void begin_warmup(struct load *load) {
  enter_phase(load, WARMUP, load->plan->warmup_s);
  if (load->plan->scenario == PLAN_STORM)
    storm_begin(&load->storm);
  else if (plan_has_traffic(load->plan))
    traffic_begin(&load->traffic);
  if (load->plan->rate > 0 && load->plan->scenario != PLAN_IDLE &&
      schedule_start(&load->schedule, &load->loop, load->plan->rate) < 0)
    phase_stop(load, "no timer for --rate: out of file descriptors");
}

static void begin_measuring(struct load *load) {
  enter_phase(load, MEASURING, load->plan->duration_s);
  phase_set_window(load, load->since, UINT64_MAX);
  figures_start(&load->figures, load->since);
}

/* What is measured is the way in: it is over when all have come. */
static void begin_coming_once(struct load *load) {
  crowd_make_tokens(&load->crowd);
  enter_phase(load, MEASURING, -1);
  phase_set_window(load, load->since, UINT64_MAX);
  figures_start(&load->figures, load->since);
  load->outcome->sent = load->outcome->expected = load->plan->connections;
  crowd_open_more(&load->crowd, uv_hrtime());
}

void phase_drain(struct load *load) {
  uint64_t now = uv_hrtime();
  finish_figures(load, now);
  phase_set_window(load, load->traffic.from, now);
  load->traffic.sending = load->storm.going = false;
  schedule_stop(&load->schedule);
  enter_phase(load, DRAINING, load->plan->timeout_s);
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

/* Those that are not counted are in: the others follow. */
static void begin_counting(struct load *load) {
  load->crowd.goal = load->crowd.total;
  if (figures_begin(&load->figures) < 0)
    phase_stop(load, "--pid: the server has ended");
  else if (load->plan->once)
    begin_coming_once(load);
}

static void note_connected(struct load *load, uint64_t now) {
  load->outcome->connected = load->crowd.in;
  load->outcome->connecting_s = (double)(now - load->crowd.start) / 1e9;
  figures_note_memory(&load->figures);
}

static void on_crowd_settled(struct load *load, uint64_t now) {
  struct crowd *crowd = &load->crowd;
  char why[OUTCOME_WHY_BYTES];
  note_connected(load, now);
  if (crowd->in == 0) {
    bool token = strcmp(crowd->last_error, err_name(ERR_INVALID_TOKEN)) == 0;
    snprintf(why, sizeof why, "no connection got in: %s%s", crowd->last_error,
             token ? ": --secret must be the server's auth.secret" : "");
    phase_stop(load, why);
  } else if (crowd->goal < crowd->total) {
    begin_counting(load);
  } else if (plan_has_traffic(load->plan) && !load->script &&
             load->plan->dialect->has_ids) {
    enter_phase(load, PROBING, load->plan->timeout_s);
    traffic_probe(&load->traffic);
  } else {
    begin_warmup(load);
  }
}

static void advance_connecting(struct load *load, uint64_t now) {
  char why[OUTCOME_WHY_BYTES];
  bool more = crowd_open_more(&load->crowd, now);
  if (!more && load->phase == MEASURING) {
    note_connected(load, now);
    phase_drain(load);
  } else if (!more) {
    on_crowd_settled(load, now);
  } else if (is_stuck(load, now)) {
    load->outcome->connected = load->crowd.in;
    snprintf(why, sizeof why,
             "only %u of %u connections got in, the others get no answer",
             load->crowd.in, load->crowd.total);
    tally_add(&load->outcome->errors, "no answer in time");
    phase_stop(load, why);
  }
}

static bool phase_is_over(const struct load *load, uint64_t now,
                          double seconds) {
  return (double)(now - load->since) / 1e9 >= seconds - 1e-3;
}

static bool has_drained(const struct load *load) {
  if (load->plan->scenario == PLAN_STORM)
    return load->crowd.under_way == 0;
  return !plan_has_traffic(load->plan) || traffic_complete(&load->traffic);
}

static void advance_probing(struct load *load, uint64_t now) {
  if (load->traffic.probed && load->outcome->why[0])
    load->phase = DONE;
  else if (load->traffic.probed)
    begin_warmup(load);
  else if (phase_is_over(load, now, load->plan->timeout_s))
    phase_stop(load, "the server does not answer a first message");
}

/* What its phase says. */
static void advance_phase(struct load *load, uint64_t now) {
  const struct plan *plan = load->plan;
  switch (load->phase) {
  case CONNECTING:
    advance_connecting(load, now);
    break;
  case PROBING:
    advance_probing(load, now);
    break;
  case WARMUP:
    if (phase_is_over(load, now, plan->warmup_s))
      begin_measuring(load);
    break;
  case MEASURING:
    if (plan->once)
      advance_connecting(load, now);
    else if (phase_is_over(load, now, plan->duration_s))
      phase_drain(load);
    break;
  case DRAINING:
    if (has_drained(load) || phase_is_over(load, now, plan->timeout_s))
      load->phase = DONE;
    break;
  case DONE:
    break;
  }
}

void phase_advance(struct load *load) {
  if (load->traffic.failed)
    load->phase = DONE;
  advance_phase(load, uv_hrtime());
  peers_flush(&load->crowd.net);
  if (load->phase == DONE)
    uv_stop(&load->loop);
}

void phase_begin(struct load *load) {
  if (plan_comes_again(load->plan))
    begin_warmup(load);
  else if (load->plan->once && load->crowd.goal == load->crowd.total)
    begin_coming_once(load);
  else
    enter_phase(load, CONNECTING, -1);
}

const char *phase_name(enum phase phase) {
  static const char *const names[] = {"connecting", "trying",  "warming up",
                                      "measuring",  "waiting", "done"};
  return names[phase];
}
