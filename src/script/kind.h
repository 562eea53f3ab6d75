/* SPDX-License-Identifier: MIT
 * Userdata that are known by their first word.
 *
 * Each of a kind begins with the address of a static, which no other
 * userdata does. To look there takes a third of what it takes to compare
 * metatables, and debug.setmetatable makes nothing else of a value. */
#ifndef SCRIPT_KIND_H
#define SCRIPT_KIND_H

#include <lua.h>

/* The userdata at `index`, of `size` bytes at least, if it is of that kind;
 * else NULL. */
static inline void *kind_find(lua_State *L, int index, const char *kind,
                              size_t size) {
  if (lua_type(L, index) != LUA_TUSERDATA || lua_rawlen(L, index) < size)
    return NULL;
  void *found = lua_touserdata(L, index);
  return *(const char *const *)found == kind ? found : NULL;
}

#endif
