/* SPDX-License-Identifier: MIT
 * The modules of lua/perigee, which are inside the program. */
#include "script/modules.h"

#include "base/embedded.h"

#include <lauxlib.h>
#include <string.h>

/* (module name): finds "perigee.loader" in the embedded file loader.lua. */
static int search_embedded(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  const char *file = "init";
  if (strcmp(name, "perigee") != 0) {
    if (strncmp(name, "perigee.", 8) != 0)
      return 0;
    file = name + 8;
  }
  lua_pushfstring(L, "%s.lua", file);
  const struct embedded *found = embedded_find(lua_tostring(L, -1));
  if (!found)
    return 0;
  lua_pushfstring(L, "=perigee/%s", found->name);
  if (luaL_loadbuffer(L, found->data, found->len, lua_tostring(L, -1)))
    return lua_error(L);
  return 1;
}

void modules_add_searcher(lua_State *L) {
  lua_getglobal(L, "table");
  lua_getfield(L, -1, "insert");
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "searchers");
  lua_remove(L, -2);
  lua_pushinteger(L, 2);
  lua_pushcfunction(L, search_embedded); /* table insert searchers 2 f */
  lua_call(L, 3, 0);
  lua_pop(L, 1);
}
