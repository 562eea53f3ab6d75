/* SPDX-License-Identifier: MIT
 * What the commands share that are about the declarations of scripts. */
#ifndef CLI_INTERFACE_H
#define CLI_INTERFACE_H

#include "base/attr.h"
#include "base/buf.h"
#include "script/tool.h"

/* Loads the scripts that the arguments name, or the configuration, and appends
 * their document (script/interface.h). Keys are not needed. Returns a
 * cli_status; what is wrong has been printed. */
MUST_CHECK int interface_load(int argc, char **argv, struct buf *out);

/* Runs one of our Lua modules (script/tool.h) on texts. Returns a cli_status;
 * what is wrong has been printed. */
MUST_CHECK int interface_run(const char *module, const struct tool_text *texts,
                             size_t count, struct buf *out);

/* Writes `out` to the file (base/rewrite.h), or to standard output if `path` is
 * NULL or "-". Frees `out`, and returns a cli_status. */
MUST_CHECK int interface_put(const char *path, struct buf *out);

#endif
