/* SPDX-License-Identifier: MIT
 * Traffic of one's own: a Lua file that says what is sent.
 *
 *   setup(n)                 once, before n connections are opened
 *   request(conn)            what conn sends next: type, data; nil: nothing now
 *   response(conn, message)  a message that came: reply, error or push
 *   done(summary)            at the end
 *
 * Only `request` is required. `conn` is a table of the connection, with
 * `index` and `user` in it and room for what the script wants to remember. The
 * file runs here, in the generator, and not in a server. */
#ifndef LOAD_SCRIPT_H
#define LOAD_SCRIPT_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct script;

/* Runs the file and its setup; `path` outlives the script. Returns the script,
 * to be freed with script_free; or NULL with the reason, file and line, in
 * `error`. */
MUST_CHECK struct script *script_open(const char *path, unsigned connections,
                                      struct buf *error);

/* Appends the next message of a connection, with this id. 1; 0 when there is
 * none now; ERR_SCRIPT, and `out` is of no use then. */
MUST_CHECK int script_request(struct script *script, unsigned connection,
                              uint64_t id, struct buf *out);

/* Whether there is a `response`. */
bool script_wants_responses(const struct script *script);

/* Shows a message that is valid JSON. 0 or ERR_SCRIPT. */
MUST_CHECK int script_response(struct script *script, unsigned connection,
                               const char *text, size_t len);

/* Shows the summary, a JSON object; nothing happens without a `done`. 0 or
 * ERR_SCRIPT. */
MUST_CHECK int script_done(struct script *script, const char *json, size_t len);

/* What the last ERR_SCRIPT was, zero-terminated. */
const char *script_error(const struct script *script);

/* Accepts NULL. */
void script_free(struct script *script);

#endif
