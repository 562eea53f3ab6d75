/* SPDX-License-Identifier: MIT
 * What server and generator use while something is measured. */
#include "load/figures.h"

#include "load/process.h"

int figures_begin(struct figures *figures) {
  pid_t pid = figures->plan->pid;
  return pid ? process_memory(pid, &figures->memory) : 0;
}

void figures_note_memory(struct figures *figures) {
  uint64_t bytes, before = figures->memory;
  pid_t pid = figures->plan->pid;
  if (pid && process_memory(pid, &bytes) == 0)
    figures->outcome->server_bytes =
        bytes > before ? (double)(bytes - before) : 0;
}

void figures_start(struct figures *figures, uint64_t now) {
  pid_t pid = figures->plan->pid;
  figures->start = now;
  figures->own_cpu = process_own_cpu();
  figures->waited = uv_metrics_idle_time(figures->loop);
  figures->outcome->knows_server = pid && process_cpu(pid, &figures->cpu) == 0;
}

void figures_end(struct figures *figures, uint64_t now) {
  struct outcome *outcome = figures->outcome;
  uint64_t cpu = 0;
  double wall = (double)(now - figures->start);
  uint64_t waited = uv_metrics_idle_time(figures->loop) - figures->waited;
  outcome->measured_s = wall / 1e9;
  outcome->generator_cores =
      (double)(process_own_cpu() - figures->own_cpu) / wall;
  outcome->generator_busy = 1 - (double)waited / wall;
  if (outcome->knows_server)
    outcome->knows_server = process_cpu(figures->plan->pid, &cpu) == 0;
  outcome->server_cpu_s = (double)(cpu - figures->cpu) / 1e9;
  if (figures->plan->scenario == PLAN_IDLE)
    figures_note_memory(figures);
}
