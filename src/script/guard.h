/* SPDX-License-Identifier: MIT
 * How functions of the standard library are replaced by guarded ones. */
#ifndef SCRIPT_GUARD_H
#define SCRIPT_GUARD_H

#include <lua.h>

/* Replaces the function `name` of the table on top by `guarded`. The old one is
 * upvalue 1 of the new one. */
static inline void guard_replace(lua_State *L, const char *name,
                                 lua_CFunction guarded) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, guarded, 1);
  lua_setfield(L, -2, name);
}

/* For the new function, with its arguments as they came: calls the old one.
 * Returns how many results that has left. The old one must be a C function that
 * does not yield. */
static inline int guard_call(lua_State *L) {
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

#endif
