/* SPDX-License-Identifier: MIT
 * The command line of `perigee bench`: what was asked for. */
#ifndef CLI_BENCH_REQUEST_H
#define CLI_BENCH_REQUEST_H

#include "base/attr.h"
#include "config/config.h"
#include "load/local.h"
#include "load/plan.h"

struct bench_request {
  struct plan plan;
  const char *url, *secret; /* NULL: not given */
  const char *dialect;      /* plan.dialect is that of this name */
  bool json;
  /* What the command makes of it, and frees: */
  struct config *config;
  struct buf secret_flag;
  struct local local;
};

/* Takes the command's own words and options out of the arguments, so that
 * those of the configuration are left. Sets all of the request. CLI_OK; or
 * CLI_USAGE, and what is wrong has been printed. */
MUST_CHECK int bench_request_read(struct bench_request *request, int *argc,
                                  char **argv);

#endif
