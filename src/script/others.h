/* SPDX-License-Identifier: MIT
 * Questions of scripts to other machines: the function waits then.
 *
 * What is known here is looked up when the answer has come; it is as new as
 * that. */
#ifndef SCRIPT_OTHERS_H
#define SCRIPT_OTHERS_H

#include "engine/engine.h"
#include "hub/publish.h"

#include <lua.h>
#include <stdbool.h>

/* Pushes what the function returns; its arguments stand where they were. */
typedef int others_push_fn(lua_State *L, const struct engine_news *news);

/* Whether there may be other machines. */
bool others_are_there(lua_State *L);

/* Asks them about the name (NULL: about nothing in particular), and waits. If
 * not all of them answer, the function returns nil, UNAVAILABLE and a text, and
 * `push` is not called. In tail position, as wait_begin. `function` is its name
 * for messages. */
int others_ask(lua_State *L, const char *function, enum engine_subject subject,
               const char *name, size_t len, others_push_fn *push);

/* A message that is published with confirmation: waits for what comes of it, if
 * it is under way. The function returns for how many it was and its number, or
 * nil, UNAVAILABLE and a text. */
int others_publish(lua_State *L, struct publish_message *message,
                   struct delivery_opts opts);

/* Waits until what others tell of the room or the user by themselves is known
 * here. news->connections are those of the user elsewhere. `always`: `push` is
 * called with news->err, too. */
int others_settle(lua_State *L, const char *function, enum bus_to to,
                  const char *name, size_t len, bool always,
                  others_push_fn *push);

#endif
