/* SPDX-License-Identifier: MIT
 * Which Lua tables are arrays in JSON: those with a mark, a metatable. */
#ifndef SCRIPT_JSON_MARK_H
#define SCRIPT_JSON_MARK_H

#include <lua.h>
#include <stdbool.h>

/* Makes the mark of a Lua state, the array metatable, if it has none. To be
 * called before anything else of JSON. */
void json_setup(lua_State *L);

/* Gives the table at the top of the stack the array metatable. */
void json_mark_array(lua_State *L);

/* Whether the table at `index` is marked as an array: by the array metatable,
 * or by one that json_foreign_mark was told of. Allocates nothing. */
bool json_is_array(lua_State *L, int index);

/* Whether the light userdata at `index` stands for an empty array. Allocates
 * nothing. */
bool json_is_empty_array(lua_State *L, int index);

/* A C function for Lua, (mark, only_empty): for the marks of other JSON
 * libraries that a script uses. From now on a table with the metatable `mark`
 * is an array, with `only_empty` only if it is empty. The light userdata `mark`
 * is an empty array. */
int json_foreign_mark(lua_State *L);

#endif
