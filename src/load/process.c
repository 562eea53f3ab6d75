/* SPDX-License-Identifier: MIT
 * What a process has used.
 *
 * CPU time comes from the process's own clock, which counts nanoseconds where
 * /proc/PID/stat counts ticks of 10 ms. Memory comes from smaps_rollup, which
 * is exact; reading that of another user's process is not allowed, and statm,
 * which is, may be some pages per CPU behind. */
#include "load/process.h"

#include "base/err.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static uint64_t in_ns(int64_t s, int64_t ns) {
  return (uint64_t)s * 1000000000u + (uint64_t)ns;
}

int process_cpu(pid_t pid, uint64_t *ns) {
  struct timespec ts;
  clockid_t clock;
  if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ts))
    return ERR_NOT_FOUND;
  *ns = in_ns(ts.tv_sec, ts.tv_nsec);
  return 0;
}

static int from_rollup(pid_t pid, uint64_t *bytes) {
  char path[64], line[256];
  int err = ERR_NOT_FOUND;
  uint64_t kib;
  snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
  FILE *file = fopen(path, "re");
  if (!file)
    return err;
  while (err && fgets(line, sizeof line, file))
    if (sscanf(line, "Rss: %" SCNu64 " kB", &kib) == 1) {
      *bytes = kib * 1024;
      err = 0;
    }
  fclose(file);
  return err;
}

static int from_statm(pid_t pid, uint64_t *bytes) {
  char path[64];
  uint64_t size, resident;
  snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
  FILE *file = fopen(path, "re");
  if (!file)
    return ERR_NOT_FOUND;
  int n = fscanf(file, "%" SCNu64 " %" SCNu64, &size, &resident);
  fclose(file);
  *bytes = resident * (uint64_t)sysconf(_SC_PAGESIZE);
  return n == 2 ? 0 : ERR_NOT_FOUND;
}

int process_memory(pid_t pid, uint64_t *bytes) {
  return from_rollup(pid, bytes) == 0 ? 0 : from_statm(pid, bytes);
}

uint64_t process_own_cpu(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return in_ns(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec,
               (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000);
}

uint64_t process_raise_files(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit))
    return 0;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) || getrlimit(RLIMIT_NOFILE, &limit))
    return 0;
  return limit.rlim_cur;
}
