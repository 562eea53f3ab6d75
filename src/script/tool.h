/* SPDX-License-Identifier: MIT
 * Our own Lua, outside of any generation: what the commands of `perigee` do
 * with texts is written in lua/perigee. */
#ifndef SCRIPT_TOOL_H
#define SCRIPT_TOOL_H

#include "base/attr.h"
#include "base/buf.h"

#include <stddef.h>

struct tool_text {
  const char *at;
  size_t len;
};

/* Calls the function that the embedded module `perigee.NAME` is, with texts. It
 * returns a text, which is appended to `out`, or nil and what is wrong, which
 * is appended to `error`. Returns 0 or ERR_SCRIPT. By any thread. */
MUST_CHECK int tool_run(const char *name, const struct tool_text *args,
                        size_t count, struct buf *out, struct buf *error);

#endif
