/* SPDX-License-Identifier: MIT
 * What the Lua side of one worker may reach. */
#ifndef SCRIPT_HOST_H
#define SCRIPT_HOST_H

#include "base/buf.h"
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

  /* Where messages and answers are written. It belongs to no Lua value, so
   * that a script error in the middle of a message leaks nothing; whoever
   * uses it empties it first and is done before Lua runs again. */
  struct buf scratch;
};

/* Room that `scratch` keeps between messages. */
enum { HOST_SCRATCH_KEEP = 64 * 1024 };

#endif
