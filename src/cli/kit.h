/* SPDX-License-Identifier: MIT
 * The test kit, and the interpreter that it runs in.
 *
 * The kit is Lua and runs in an interpreter of its own: busted brings modules
 * in C that have no place in a server. Its files are inside this program; they
 * are written to a temporary folder, from which testing_run.lua takes over.
 * This process becomes the interpreter, so that the exit status is its. */
#ifndef CLI_KIT_H
#define CLI_KIT_H

#include "config/config.h"

struct kit_job {
  const char *program;         /* "test" or "fuzz", see testing_run.lua */
  const struct config *config; /* whose scripts are served */
  char **flags;                /* options of the servers that are started */
  int flag_count;
  const char **words; /* of the program */
  int word_count;
  const struct buf *document; /* for "fuzz": what the scripts declare */
};

/* Returns only if that fails: CLI_FAILED, and what is wrong has been printed.
 */
int kit_run(const struct kit_job *job);

#endif
