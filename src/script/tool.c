/* SPDX-License-Identifier: MIT
 * Our own Lua, outside of any generation. */
#include "script/tool.h"

#include "base/err.h"
#include "script/json.h"
#include "script/modules.h"

#include <lauxlib.h>
#include <lualib.h>

enum { TEXT_BYTES_MAX = 64 << 20 };

struct job {
  const char *name;
  const struct tool_text *args;
  size_t count;
};

static const struct json_bound bound = {TEXT_BYTES_MAX, NULL};

static int open_json(lua_State *L) {
  json_open(L, (struct json_bound *)&bound);
  return 1;
}

/* (job): what the module's function returns. */
static int run_job(lua_State *L) {
  const struct job *job = lua_touserdata(L, 1);
  luaL_openlibs(L);
  luaL_requiref(L, "perigee.json", open_json, 0);
  modules_add_searcher(L);
  lua_settop(L, 0);
  lua_getglobal(L, "require");
  lua_pushfstring(L, "perigee.%s", job->name);
  lua_call(L, 1, 1);
  luaL_checkstack(L, (int)job->count + 1, NULL);
  for (size_t i = 0; i < job->count; i++)
    lua_pushlstring(L, job->args[i].at, job->args[i].len);
  lua_call(L, (int)job->count, 2);
  return 2;
}

/* Text at `index`, whatever it is. */
static void put_result(lua_State *L, int index, struct buf *out) {
  size_t len;
  const char *text = lua_tolstring(L, index, &len);
  if (text)
    buf_put(out, text, len);
}

int tool_run(const char *name, const struct tool_text *args, size_t count,
             struct buf *out, struct buf *error) {
  struct job job = {name, args, count};
  lua_State *L = luaL_newstate();
  if (!L) {
    buf_puts(error, "no memory for a Lua state");
    return ERR_SCRIPT;
  }
  lua_pushcfunction(L, run_job);
  lua_pushlightuserdata(L, &job);
  int status = lua_pcall(L, 1, 2, 0);
  bool good = status == LUA_OK && lua_isstring(L, 1);
  if (good)
    put_result(L, 1, out);
  else
    put_result(L, status == LUA_OK ? 2 : 1, error);
  lua_close(L);
  return good ? 0 : ERR_SCRIPT;
}
