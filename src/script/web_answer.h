/* SPDX-License-Identifier: MIT
 * What a handler ["@http METHOD /path"] returns becomes an answer.
 *
 *   nothing, nil                      204
 *   a string                          200, text
 *   a table with an integer `status`  that status, its `headers`, its `body`
 *   anything else                     200, JSON
 *
 * A body is a string, or anything else as JSON. */
#ifndef SCRIPT_WEB_ANSWER_H
#define SCRIPT_WEB_ANSWER_H

#include "script/call_state.h"

enum {
  WEB_FIELDS_BYTES = 16 * 1024,        /* of the head */
  WEB_ANSWER_BYTES = 16 * 1024 * 1024, /* of a body */
};

/* Runs in the coroutine `L` of the call, protected. The values on its stack
 * become the result: status, fields, body. The fields, and JSON, stand in the
 * scratch buffer of the generation; a string stays where it is. Raises for what
 * is no answer, and for a header that none may have. */
void web_answer_take(lua_State *L, struct call *call);

#endif
