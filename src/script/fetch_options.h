/* SPDX-License-Identifier: MIT
 * The option table of perigee.fetch. */
#ifndef SCRIPT_FETCH_OPTIONS_H
#define SCRIPT_FETCH_OPTIONS_H

#include "base/buf.h"
#include "net/fetch.h"
#include "script/json.h"

#include <lua.h>

/* Reads the table at `index` (nil: none) into the request, with defaults for
 * options that are not there. It leaves url, done and arg as they are. Raises
 * for an option that is unknown or wrong, and names it.
 *
 * The request borrows from the values of the table and from `text`. The latter
 * is emptied first, and must outlive the call. `bound` is for opts.json. */
void fetch_options_check(lua_State *L, int index, struct buf *text,
                         const struct json_bound *bound,
                         struct fetch_request *request);

#endif
