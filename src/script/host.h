/* SPDX-License-Identifier: MIT
 * What the Lua side of one worker may reach. */
#ifndef SCRIPT_HOST_H
#define SCRIPT_HOST_H

#include "base/stats.h"

struct config;
struct generation;
struct jwt_key;
struct manager;

/* Borrowed pointers, all of which outlive every generation. */
struct host {
  struct manager *manager;
  struct stats *stats;
  const struct config *config;
  const struct jwt_key *key;
  struct generation *live; /* whose handlers get the next message */
  int worker;              /* 1, 2, … */
  unsigned errors;         /* counted for the references of log lines */
};

#endif
