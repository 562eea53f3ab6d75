/* SPDX-License-Identifier: MIT
 * How functions of the standard library are replaced by guarded ones. */
#ifndef SCRIPT_GUARD_H
#define SCRIPT_GUARD_H

#include <lua.h>

/* Replaces the field of the table on top; the old value is upvalue 1 of the
 * new one. */
static inline void guard_replace(lua_State *L, const char *name,
                                 lua_CFunction guarded) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, guarded, 1);
  lua_setfield(L, -2, name);
}

/* In the new one, with its arguments as they came: calls the old one, which is
 * a C function that does not yield, and answers how many results it left. */
static inline int guard_call(lua_State *L) {
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

#endif
