/* SPDX-License-Identifier: MIT
 * A configuration file: Lua syntax, read into plain key = text entries.
 *
 * The environment of the file is an empty table whose metatable answers every
 * access: assigning records an entry with its line, reading `limits` gives a
 * table of the same kind for that section. What the file assigns is never
 * stored in Lua; `vars` alone is a real table.
 *
 * Every C function here may be left by an error at any call into Lua, so what
 * they allocate hangs on `struct file` or belongs to the caller. */
#include "config/file.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/source.h"
#include "config/api_keys.h"
#include "config/option.h"
#include "config/suggest.h"
#include "config/vars.h"

#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  INSTRUCTIONS_MAX = 10 * 1000 * 1000,
  MEMORY_MAX = 64 * 1024 * 1024,
  UNSET_BYTES = 256,
};

struct loader {
  struct file *file;
  const char *name, *text;
  size_t len;
  char *const *env;
  size_t memory; /* bytes that the Lua state has */
};

/* Registry key of the `vars` table. */
static const char vars_key;

const char *file_env(char *const *env, const char *name) {
  size_t len = strlen(name);
  for (; env && *env; env++)
    if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
      return *env + len + 1;
  return NULL;
}

int file_read(const char *path, struct buf *content, struct buf *error) {
  int result = ERR_SYSTEM;
  FILE *in = fopen(path, "rbe");
  if (!in) {
    buf_printf(error, "%s: %s", path, strerror(errno));
    return ERR_SYSTEM;
  }
  size_t got, total = 0;
  do {
    got = fread(buf_reserve(content, 4096), 1, 4096, in);
    content->len += got;
    total += got;
  } while (got > 0 && total <= FILE_MAX_BYTES);
  if (ferror(in))
    buf_printf(error, "%s: %s", path, strerror(errno));
  else if (total > FILE_MAX_BYTES)
    buf_printf(error, "%s: larger than %d bytes", path, FILE_MAX_BYTES);
  else
    result = 0;
  fclose(in);
  return result;
}

static void *allocate_bounded(void *ctx, void *ptr, size_t old, size_t size) {
  struct loader *loader = ctx;
  if (!ptr)
    old = 0; /* then it is a type tag, not a size */
  if (size > old && loader->memory + (size - old) > MEMORY_MAX)
    return NULL;
  if (size == 0) {
    free(ptr);
    loader->memory -= old;
    return NULL;
  }
  void *moved = realloc(ptr, size);
  if (moved)
    loader->memory = loader->memory - old + size;
  return moved;
}

static void out_of_instructions(lua_State *L, lua_Debug *ar) {
  (void)ar;
  luaL_where(L, 0); /* the hook itself has no level */
  lua_pushliteral(L, "the file does not come to an end");
  lua_concat(L, 2);
  lua_error(L);
}

static void add_assignment(struct file *file, const char *key, const char *text,
                           int line) {
  if (file->count == file->cap) {
    file->cap = file->cap ? file->cap * 2 : 16;
    file->entries =
        mem_realloc(file->entries, file->cap * sizeof *file->entries);
  }
  file->entries[file->count++] =
      (struct file_entry){mem_strdup(key), mem_strdup(text), line};
}

/* The text of the value at the top, or raises. */
static const char *plain_text(lua_State *L, const char *key) {
  size_t len;
  if (lua_isboolean(L, -1))
    return lua_toboolean(L, -1) ? "true" : "false";
  const char *text = lua_tolstring(L, -1, &len);
  if (!text) {
    luaL_error(L, "`%s` cannot be a %s", key, luaL_typename(L, -1));
    return NULL; /* not reached: the line above raises */
  }
  if (strlen(text) != len)
    luaL_error(L, "`%s` has a zero byte", key);
  return text;
}

/* Replaces the array at the top by its items, separated by commas. */
static void join_items(lua_State *L, const char *key) {
  luaL_Buffer joined;
  int list = lua_gettop(L);
  lua_Integer n = (lua_Integer)lua_rawlen(L, list);
  luaL_buffinit(L, &joined);
  for (lua_Integer i = 1; i <= n; i++) {
    if (i > 1)
      luaL_addchar(&joined, ',');
    if (lua_rawgeti(L, list, i) != LUA_TSTRING)
      luaL_error(L, "`%s` has an item that is no text", key);
    luaL_addvalue(&joined);
  }
  luaL_pushresult(&joined);
  lua_replace(L, list);
}

/* A word that is wrong must not make a key that may do everything. */
static void check_key_members(lua_State *L, int table, const char *name) {
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
    const char *member =
        lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "1";
    if (strcmp(member, "key") != 0 && strcmp(member, "allow") != 0)
      luaL_error(L, "`api.keys`: `%s` has `%s`; it takes `key` and `allow`",
                 name, member);
  }
}

/* Pushes what the table at `table` has as `allow`: groups with commas. */
static void push_allow(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, "allow");
  if (lua_istable(L, -1))
    join_items(L, "api.keys");
  if (lua_isnil(L, -1))
    luaL_error(L,
               "`api.keys`: `%s` has no `allow` (is a variable unset?); a key "
               "for everything is written %s = \"KEY\"",
               name, name);
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "`api.keys`: `allow` of `%s` cannot be a %s", name,
               luaL_typename(L, -1));
}

/* Pushes the entry of the value at the top, a key or { key = …, allow = … }, as
 * config/api_keys reads it. Errors must not show anything of a key. */
static void push_api_key(lua_State *L, const char *name) {
  int value = lua_gettop(L);
  size_t len = 0;
  if (lua_istable(L, value)) {
    check_key_members(L, value, name);
    push_allow(L, value, name);
    lua_getfield(L, value, "key");
  } else {
    lua_pushnil(L);
    lua_pushvalue(L, value);
  } /* value allow key */
  const char *allow = lua_tostring(L, -2);
  const char *key =
      lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
  if (!key)
    luaL_error(L, "`api.keys`: `%s` has no key (is a variable unset?)", name);
  if (!api_key_bytes_ok(key, len))
    luaL_error(L,
               "`api.keys`: the key of `%s` has a byte other than a-z A-Z 0-9 "
               "- . _ ~ + / and = at its end",
               name);
  const char *groups = luaL_gsub(L, allow ? allow : "", " ", "");
  groups = luaL_gsub(L, groups, ",", "+");
  lua_pushfstring(L, "%s:%s%s%s", name, groups, allow ? ":" : "", key);
}

/* Pushes the name of the table at `table` that comes behind `last` in the
 * order of the alphabet, or nothing. The order of lua_next is another one each
 * time, and the text would look changed. */
static bool push_next_name(lua_State *L, int table, const char *last) {
  const char *best = NULL;
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      luaL_error(L, "`api.keys` has a key without a name");
    const char *name = lua_tostring(L, -2);
    if (strcmp(name, last) > 0 && (!best || strcmp(name, best) < 0))
      best = name;
  }
  if (best)
    lua_pushstring(L, best);
  return best != NULL;
}

/* Replaces the table at the top, { shop = "…", … }, by its text. */
static void join_api_keys(lua_State *L) {
  int table = lua_gettop(L);
  const char *last = "";
  lua_pushliteral(L, "");
  while (push_next_name(L, table, last)) { /* table text name */
    last = lua_tostring(L, -1);
    lua_pushvalue(L, -1);
    lua_rawget(L, table);
    push_api_key(L, last);
    lua_replace(L, table + 3);
    lua_settop(L, table + 3); /* table text name entry */
    const char *text = lua_tostring(L, table + 1);
    lua_pushfstring(L, "%s%s%s", text, *text ? "," : "",
                    lua_tostring(L, table + 3));
    lua_replace(L, table + 1);
    lua_settop(L, table + 1);
  }
  lua_replace(L, table);
}

static int unknown_name(lua_State *L, const char *name) {
  struct suggest suggest = {.typed = name};
  char section[OPTION_ENV_BYTES], best[OPTION_ENV_BYTES] = "";
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    const char *key = option_table[i].key;
    snprintf(section, sizeof section, "%.*s", (int)strcspn(key, "."), key);
    suggest_try(&suggest, section);
    if (suggest.best == section) {
      memcpy(best, section, sizeof best);
      suggest.best = best;
    }
  }
  if (best[0])
    return luaL_error(L, "unknown name `%s`: did you mean `%s`?", name, best);
  return luaL_error(L, "unknown name `%s`: only options, `vars` and `env`",
                    name);
}

/* Raises: a table, or no table, is the wrong form for this key. */
static void refuse_form(lua_State *L, const char *key) {
  char example[OPTION_EXAMPLE_BYTES];
  const struct option *option = option_find(key);
  const struct option *first = option_in_section(key);
  if (!option && !first)
    unknown_name(L, key);
  option_example(option ? option : first, option ? NULL : key, example);
  if (option)
    luaL_error(L, "`%s` cannot be a table: write `%s`", key, example);
  luaL_error(L, "`%s` has options: write `%s`", key, example);
}

/* Records the value at the top under `key`. */
static void assign(lua_State *L, struct loader *loader, const char *key,
                   int line) {
  const struct option *option = option_find(key);
  if (lua_isnil(L, -1))
    return;
  if (lua_istable(L, -1) && option && option->type == OPTION_KEYS) {
    join_api_keys(L);
  } else if (lua_istable(L, -1)) {
    if (!option || (option->type != OPTION_LIST && option->type != OPTION_URLS))
      refuse_form(L, key);
    join_items(L, key);
  } else if (!option && option_is_section(key)) {
    refuse_form(L, key);
  }
  add_assignment(loader->file, key, plain_text(L, key), line);
}

static void refuse_nameless(lua_State *L, const char *section) {
  char example[OPTION_EXAMPLE_BYTES];
  option_example(option_in_section(section), section, example);
  luaL_error(L, "`%s` has a value without a name: write `%s`", section,
             example);
}

/* limits = { … }: the table at the top has options of a section. */
static void assign_section(lua_State *L, struct loader *loader,
                           const char *section, int line) {
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      refuse_nameless(L, section);
    const char *key = lua_pushfstring(L, "%s.%s", section, lua_tostring(L, -2));
    lua_insert(L, -2); /* name key value: the key must outlive assign */
    assign(L, loader, key, line);
    lua_remove(L, -2);
  }
}

static int current_line(lua_State *L) {
  lua_Debug ar;
  return lua_getstack(L, 1, &ar) && lua_getinfo(L, "l", &ar) ? ar.currentline
                                                             : 0;
}

/* __newindex(table, name, value); upvalues: loader, section ("" outside). */
static int on_assign(lua_State *L) {
  struct loader *loader = lua_touserdata(L, lua_upvalueindex(1));
  const char *section = lua_tostring(L, lua_upvalueindex(2));
  if (lua_type(L, 2) != LUA_TSTRING)
    return luaL_error(L, "the name of an option is a text");
  const char *name = lua_tostring(L, 2);
  const char *key =
      section[0] ? lua_pushfstring(L, "%s.%s", section, name) : name;
  if (strcmp(key, "vars") == 0) {
    if (!lua_istable(L, 3))
      return luaL_error(L, "`vars` must be a table");
    lua_pushvalue(L, 3);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &vars_key);
    return 0;
  }
  lua_pushvalue(L, 3);
  if (lua_istable(L, 3) && option_is_section(key))
    assign_section(L, loader, key, current_line(L));
  else
    assign(L, loader, key, current_line(L));
  return 0;
}

static void push_section(lua_State *L, struct loader *loader, const char *name);

/* __index(table, name), with the same upvalues. */
static int on_lookup(lua_State *L) {
  struct loader *loader = lua_touserdata(L, lua_upvalueindex(1));
  const char *section = lua_tostring(L, lua_upvalueindex(2));
  const char *name = luaL_tolstring(L, 2, NULL);
  const char *key =
      section[0] ? lua_pushfstring(L, "%s.%s", section, name) : name;
  if (strcmp(key, "vars") == 0)
    lua_rawgetp(L, LUA_REGISTRYINDEX, &vars_key);
  else if (option_is_section(key))
    push_section(L, loader, key);
  else if (option_find(key))
    return luaL_error(L, "`%s` can only be assigned: use a local variable",
                      key);
  else
    return unknown_name(L, key);
  return 1;
}

static void note_unset(struct buf *unset, const char *name) {
  if (unset->len + strlen(name) < UNSET_BYTES)
    buf_printf(unset, "%s\"%s\"", unset->len ? " " : "", name);
}

static int read_env(lua_State *L) {
  struct loader *loader = lua_touserdata(L, lua_upvalueindex(1));
  const char *value = file_env(loader->env, luaL_checkstring(L, 1));
  if (value)
    lua_pushstring(L, value);
  else
    note_unset(&loader->file->unset, lua_tostring(L, 1));
  return value ? 1 : 0;
}

static void push_section(lua_State *L, struct loader *loader,
                         const char *name) {
  static const luaL_Reg methods[] = {
      {"__index", on_lookup}, {"__newindex", on_assign}, {NULL, NULL}};
  lua_newtable(L);
  luaL_newlibtable(L, methods);
  lua_pushlightuserdata(L, loader);
  lua_pushstring(L, name);
  luaL_setfuncs(L, methods, 2);
  lua_setmetatable(L, -2);
}

/* run_file(loader), called protected. */
static int run_file(lua_State *L) {
  struct loader *loader = lua_touserdata(L, 1);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &vars_key);
  const char *name = lua_pushfstring(L, "@%s", loader->name);
  if (luaL_loadbufferx(L, loader->text, loader->len, name, "t") != LUA_OK)
    return lua_error(L);
  push_section(L, loader, "");
  lua_pushlightuserdata(L, loader);
  lua_pushcclosure(L, read_env, 1);
  lua_pushliteral(L, "env");
  lua_insert(L, -2);
  lua_rawset(L, -3); /* loader name chunk environment */
  lua_setupvalue(L, -2, 1);
  lua_sethook(L, out_of_instructions, LUA_MASKCOUNT, INSTRUCTIONS_MAX);
  lua_call(L, 0, 0);
  lua_sethook(L, NULL, 0, 0);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &vars_key);
  lua_pushnil(L);
  if (lua_next(L, -2)) {
    lua_pop(L, 2);
    vars_write(L, &loader->file->vars);
  }
  return 0;
}

int file_parse(struct file *file, const char *name, const char *text,
               size_t len, char *const *env, struct buf *error) {
  size_t start = source_start(text, len);
  struct loader loader = {file, name, text + start, len - start, env, 0};
  lua_State *L = lua_newstate(allocate_bounded, &loader);
  if (!L) {
    buf_printf(error, "%s: no memory for reading it", name);
    return ERR_CONFIG;
  }
  lua_pushcfunction(L, run_file);
  lua_pushlightuserdata(L, &loader);
  int result = lua_pcall(L, 1, 0, 0) == LUA_OK ? 0 : ERR_CONFIG;
  if (result < 0) {
    const char *why = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    size_t n = strlen(name);
    if (strncmp(why, name, n) == 0 && why[n] == ':')
      buf_puts(error, why);
    else
      buf_printf(error, "%s: %s", name, why);
  }
  lua_close(L);
  return result;
}

void file_free(struct file *file) {
  for (size_t i = 0; i < file->count; i++) {
    mem_free(file->entries[i].key);
    /* It may be a secret. */
    explicit_bzero(file->entries[i].text, strlen(file->entries[i].text));
    mem_free(file->entries[i].text);
  }
  mem_free(file->entries);
  buf_free(&file->vars);
  buf_free(&file->unset);
  *file = (struct file){0};
}
