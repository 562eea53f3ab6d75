/* SPDX-License-Identifier: MIT
 * A worker without its thread, for fuzz targets: the target turns its loop, and
 * accepts its clients by hand. */
#ifndef FUZZ_LIVING_H
#define FUZZ_LIVING_H

#include "auth/key.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/memory.h"
#include "engine/metrics.h"
#include "engine/store.h"
#include "engine/timings.h"
#include "server/reload_check.h"
#include "server/worker.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static inline void require(bool ok) {
  if (!ok)
    abort();
}

/* Flags that the target takes for good. */
static inline const struct config *living_config(char **flags, int count) {
  static char *const no_env[] = {NULL};
  struct buf error = {0};
  struct config_args args = {CONFIG_PRODUCTION, count, flags, no_env};
  struct config *config = config_load(&args, &error);
  if (!config)
    fprintf(stderr, "%.*s\n", (int)error.len, error.data);
  require(config != NULL);
  return config;
}

/* Opens it with the handlers in fuzz/handlers. Nobody opens what it writes
 * `home`. */
static inline void living_start(struct worker *worker, struct mailbox *home,
                                const struct config *config, bool development) {
  struct buf error = {0};
  struct jwt_key *key = key_load(config, NULL, &error);
  struct rates *rates = mem_alloc(sizeof *rates);
  rates_init(rates);
  worker_init(worker, 0, config, key, home);
  worker->protocol.rates = rates;
  worker->protocol.host.metrics = metrics_new();
  worker->protocol.host.timings = timings_new(1);
  worker->protocol.host.store = store_new(1 << 20);
  worker->bus = bus_new(1, 0);
  manager_connect_engine(&worker->protocol.manager,
                         memory_new(worker->bus, 1, 1 << 20));
  struct generation *generation = reload_check_build(
      &worker->protocol.host, "fuzz/handlers", 1, NULL, &error);
  if (!generation || worker_open(worker, development, &error)) {
    fprintf(stderr, "in the root of the project? %.*s\n", (int)error.len,
            error.data);
    exit(1);
  }
  swap_start(&worker->swap, generation);
}

/* A socket that listens on the loopback, at `address`. */
static inline int living_listen(struct sockaddr_in *address) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  socklen_t len = sizeof *address;
  address->sin_family = AF_INET;
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  require(!bind(fd, (struct sockaddr *)address, sizeof *address) &&
          !listen(fd, 1) && !getsockname(fd, (struct sockaddr *)address, &len));
  return fd;
}

/* What is kept for later (Lua's memory, buffers) looks like a leak in a single
 * run, and finding out that it is none takes long: look at the end only. */
static inline void living_add_flag(int *argc, char ***argv) {
  static char flag[] = "-detect_leaks=0";
  char **more = mem_alloc(((size_t)*argc + 2) * sizeof *more);
  memcpy(more, *argv, (size_t)*argc * sizeof *more);
  more[(*argc)++] = flag;
  *argv = more;
}

#endif
