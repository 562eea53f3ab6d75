/* SPDX-License-Identifier: MIT
 * Traffic of one's own.
 *
 * Everything that may raise runs in `enter`, under one lua_pcall. What it
 * needs comes in a struct job that lives on the stack of the caller; buffers
 * belong to those who outlive the call. */
#include "load/script.h"

#include "base/err.h"
#include "base/mem.h"
#include "load/dialect.h"
#include "script/json.h"
#include "wire/json.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

enum function { SETUP, REQUEST, RESPONSE, DONE, FUNCTIONS };

static const char *const names[] = {"setup", "request", "response", "done"};

struct script {
  lua_State *L;
  const char *path; /* borrowed */
  bool has[FUNCTIONS];
  int ref[FUNCTIONS];
  int conns; /* ref of the table of connections */
  struct buf error;
};

struct job {
  struct script *script;
  void (*run)(lua_State *L, struct job *job);
  const char *path, *text;
  size_t len;
  unsigned connection, connections;
  uint64_t id;
  struct buf *out;
  bool something; /* there is a message to send */
};

static void push_script_function(lua_State *L, const struct script *script,
                                 enum function function) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, script->ref[function]);
}

static void push_conn(lua_State *L, const struct job *job) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, job->script->conns);
  lua_rawgeti(L, -1, job->connection + 1);
  lua_remove(L, -2);
}

/* --- what happens inside ------------------------------------------------ */

static void make_conns(lua_State *L, struct job *job) {
  struct buf *name = job->out;
  lua_createtable(L, (int)job->connections, 0);
  for (unsigned i = 0; i < job->connections; i++) {
    name->len = 0;
    dialect_put_name(name, i);
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, i + 1);
    lua_setfield(L, -2, "index");
    lua_pushlstring(L, name->data, name->len);
    lua_setfield(L, -2, "user");
    lua_rawseti(L, -2, i + 1);
  }
  job->script->conns = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void find_functions(lua_State *L, struct script *script) {
  for (int i = 0; i < FUNCTIONS; i++) {
    int type = lua_getglobal(L, names[i]);
    if (type != LUA_TFUNCTION && type != LUA_TNIL)
      luaL_error(L, "`%s` is a %s, it must be a function", names[i],
                 lua_typename(L, type));
    script->has[i] = type == LUA_TFUNCTION;
    script->ref[i] = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  if (!script->has[REQUEST])
    luaL_error(L, "there is no function `request(conn)`: it says what a "
                  "connection sends, as `return type, data`");
}

/* The most that a server takes: limits.message_bytes goes no further. */
static struct json_bound bound = {.bytes = 16 << 20};

static void load(lua_State *L, struct job *job) {
  luaL_openlibs(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  json_open(L, &bound);
  lua_setfield(L, -2, "perigee.json");
  lua_settop(L, 0);
  if (luaL_loadfile(L, job->path))
    lua_error(L);
  lua_call(L, 0, 0);
  find_functions(L, job->script);
  make_conns(L, job);
  if (!job->script->has[SETUP])
    return;
  push_script_function(L, job->script, SETUP);
  lua_pushinteger(L, job->connections);
  lua_call(L, 1, 0);
}

static void request(lua_State *L, struct job *job) {
  size_t len;
  push_script_function(L, job->script, REQUEST);
  push_conn(L, job);
  lua_call(L, 1, 2); /* type data */
  job->something = !lua_isnil(L, -2);
  if (!job->something)
    return;
  if (lua_type(L, -2) != LUA_TSTRING)
    luaL_error(L, "request returned a %s as the type, it must be a string",
               luaL_typename(L, -2));
  const char *type = lua_tolstring(L, -2, &len);
  json_check_utf8(L, -2);
  buf_puts(job->out, "{\"type\":");
  json_put_string(job->out, type, len);
  buf_puts(job->out, ",\"id\":");
  json_put_int(job->out, (int64_t)job->id);
  if (!lua_isnil(L, -1)) {
    buf_puts(job->out, ",\"data\":");
    json_encode(L, -1, job->out, &bound);
  }
  buf_putc(job->out, '}');
}

static void response(lua_State *L, struct job *job) {
  push_script_function(L, job->script, RESPONSE);
  push_conn(L, job);
  json_decode(L, job->text, job->len);
  lua_call(L, 2, 0);
}

static void done(lua_State *L, struct job *job) {
  push_script_function(L, job->script, DONE);
  json_decode(L, job->text, job->len);
  lua_call(L, 1, 0);
}

/* --- the way in --------------------------------------------------------- */

/* Whether there is any Lua code on the stack that a traceback could name. */
static bool runs_lua(lua_State *L) {
  lua_Debug frame;
  for (int level = 1; lua_getstack(L, level, &frame); level++)
    if (lua_getinfo(L, "S", &frame) && *frame.what != 'C')
      return true;
  return false;
}

static int traceback(lua_State *L) {
  const char *text = luaL_tolstring(L, 1, NULL);
  if (runs_lua(L))
    luaL_traceback(L, L, text, 1);
  return 1;
}

static int inside(lua_State *L) {
  struct job *job = lua_touserdata(L, 1);
  lua_settop(L, 0);
  job->run(L, job);
  return 0;
}

static int enter(struct script *script, struct job *job) {
  lua_State *L = script->L;
  job->script = script;
  lua_settop(L, 0);
  lua_pushcfunction(L, traceback);
  lua_pushcfunction(L, inside);
  lua_pushlightuserdata(L, job);
  if (lua_pcall(L, 1, 0, 1) == LUA_OK)
    return 0;
  const char *text = lua_tostring(L, -1);
  script->error.len = 0;
  if (text && strncmp(text, script->path, strlen(script->path)) != 0)
    buf_printf(&script->error, "%s: ", script->path);
  buf_puts(&script->error, text ? text : "an error without a text");
  buf_putc(&script->error, '\0');
  return ERR_SCRIPT;
}

struct script *script_open(const char *path, unsigned connections,
                           struct buf *error) {
  struct buf name = {0};
  struct script *script = mem_alloc(sizeof *script);
  struct job job = {
      .run = load, .path = path, .connections = connections, .out = &name};
  script->path = path;
  script->L = luaL_newstate();
  int err = script->L ? enter(script, &job) : ERR_SYSTEM;
  buf_free(&name);
  if (!err)
    return script;
  buf_puts(error, script->L ? script_error(script) : "no memory for Lua");
  script_free(script);
  return NULL;
}

int script_request(struct script *script, unsigned connection, uint64_t id,
                   struct buf *out) {
  struct job job = {
      .run = request, .connection = connection, .id = id, .out = out};
  int err = enter(script, &job);
  return err ? err : job.something;
}

bool script_wants_responses(const struct script *script) {
  return script->has[RESPONSE];
}

int script_response(struct script *script, unsigned connection,
                    const char *text, size_t len) {
  struct job job = {
      .run = response, .connection = connection, .text = text, .len = len};
  return enter(script, &job);
}

int script_done(struct script *script, const char *json, size_t len) {
  struct job job = {.run = done, .text = json, .len = len};
  return script->has[DONE] ? enter(script, &job) : 0;
}

const char *script_error(const struct script *script) {
  return script->error.data;
}

void script_free(struct script *script) {
  if (!script)
    return;
  if (script->L)
    lua_close(script->L);
  buf_free(&script->error);
  mem_free(script);
}
