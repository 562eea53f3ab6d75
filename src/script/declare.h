/* SPDX-License-Identifier: MIT
 * What scripts declare about messages, taken from the Lua tables of
 * lua/perigee/loader.lua into the form that C looks at. */
#ifndef SCRIPT_DECLARE_H
#define SCRIPT_DECLARE_H

#include "script/generation.h"

/* The table on top of the stack has what scripts push, by message type. Raises
 * if a schema is none. */
void declare_pushes(lua_State *L, struct generation *generation);

/* Takes the declaration on top into the handler, and puts the function in its
 * place. Raises likewise. What it emits has been declared. */
void declare_handler(lua_State *L, struct generation *generation,
                     struct handler *handler);

/* Frees what these have kept. Accepts NULL. */
void declare_free_pushes(struct push **pushes);
void declare_free_handler(struct handler *handler);

#endif
