/* SPDX-License-Identifier: MIT
 * The table of libraries. A new one goes into `parts`, if it is a part of the
 * module perigee, or into `modules`. */
#include "script/open.h"

#include "base/mem.h"
#include "config/suggest.h"
#include "script/coroutines.h"
#include "script/finalizers.h"
#include "script/generation.h"
#include "script/json.h"
#include "script/json_mark.h"
#include "script/json_view.h"
#include "script/lib_client.h"
#include "script/lib_digest.h"
#include "script/lib_emit.h"
#include "script/lib_fetch.h"
#include "script/lib_history.h"
#include "script/lib_metrics.h"
#include "script/lib_misc.h"
#include "script/lib_place.h"
#include "script/lib_service.h"
#include "script/lib_store.h"
#include "script/lib_time.h"
#include "script/library.h"

#include <lauxlib.h>
#include <lualib.h>

/* --- perigee.core: what becomes the module perigee ------------------------ */

/* Each adds its functions to the table on top. */
static void (*const parts[])(lua_State *L) = {
    lib_service_open, lib_store_open,  lib_misc_open,
    lib_time_open,    lib_fetch_open,  lib_metrics_open,
    lib_history_open, lib_digest_open, lib_emit_open,
};

static int open_core(lua_State *L) {
  lua_newtable(L);
  for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
    parts[i](L);
  return 1;
}

/* --- for our own Lua files ------------------------------------------------ */

/* Module perigee.hooks: the chain of each key. */
static int open_hooks(lua_State *L) {
  lua_newtable(L);
#define HOOK_FIELD(name, key, chain)                                           \
  lua_pushliteral(L, chain);                                                   \
  lua_setfield(L, -2, key);
  HOOK_MAP(HOOK_FIELD)
#undef HOOK_FIELD
  return 1;
}

/* (word, list of names): the name that was meant, if one is near. */
static int suggest_name(lua_State *L) {
  struct suggest suggest = {.typed = luaL_checkstring(L, 1)};
  luaL_checktype(L, 2, LUA_TTABLE);
  for (lua_Integer i = 1; lua_rawgeti(L, 2, i) == LUA_TSTRING; i++) {
    suggest_try(&suggest, lua_tostring(L, -1)); /* the list keeps it */
    lua_pop(L, 1);
  }
  lua_pushstring(L, suggest.best);
  return 1;
}

static int open_suggest(lua_State *L) {
  lua_pushcfunction(L, suggest_name);
  return 1;
}

/* (value, name): raises unless it can be sent; without making a Lua string of
 * it, for which there may be no room. */
static int check_sendable(lua_State *L) {
  struct buf *scratch = &generation_of(L)->scratch;
  luaL_checkany(L, 1);
  buf_reset(scratch, GENERATION_SCRATCH_KEEP);
  json_encode_named(L, 1, scratch, &generation_of(L)->sending,
                    luaL_checkstring(L, 2));
  return 0;
}

static int open_sendable(lua_State *L) {
  lua_pushcfunction(L, check_sendable);
  return 1;
}

static int open_foreign(lua_State *L) {
  lua_pushcfunction(L, json_foreign_mark);
  return 1;
}

/* --- all ------------------------------------------------------------------ */

static const luaL_Reg modules[] = {
    {"perigee.core", open_core},
    {"perigee.hooks", open_hooks},
    {"perigee.suggest", open_suggest},
    {"perigee.sendable", open_sendable},
    {"perigee.foreign", open_foreign},
    {"perigee.place", lib_place_open},
    {NULL, NULL},
};

void open_libraries(lua_State *L) {
  luaL_openlibs(L);
  coroutines_guard(L);
  finalizers_guard(L);
  library_guard(L);
  json_setup(L);
  generation_of(L)->views = json_view_setup(L);
  lib_client_setup(L);
  for (const luaL_Reg *module = modules; module->name; module++) {
    luaL_requiref(L, module->name, module->func, 0);
    lua_pop(L, 1);
  }
}
