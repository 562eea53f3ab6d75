/* SPDX-License-Identifier: MIT
 * Histories of rooms for scripts. */
#include "script/lib_history.h"

#include "base/err.h"
#include "base/mem.h"
#include "hub/history.h"
#include "script/generation.h"
#include "script/json.h"
#include "script/message.h"
#include "script/wait.h"

#include <lauxlib.h>

/* A page that a script waits for. */
struct reading {
  struct waiter waiter;
  struct engine *engine;
  struct engine_read *read; /* NULL: it was answered */
  int err;
  struct buf page; /* JSON */
};

static int push_page(lua_State *L, struct waiter *waiter) {
  struct reading *reading = container_of(waiter, struct reading, waiter);
  if (!reading->err) {
    json_decode(L, reading->page.data, reading->page.len);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, err_name((enum err)reading->err));
  lua_pushstring(L, err_text((enum err)reading->err));
  return 3;
}

static void end_history_reading(struct waiter *waiter) {
  struct reading *reading = container_of(waiter, struct reading, waiter);
  if (reading->read)
    engine_cancel(reading->engine, reading->read);
  buf_free(&reading->page);
  mem_free(reading);
}

static const struct waiter_kind reading_kind = {"history", push_page,
                                                end_history_reading};

static void on_page(void *arg, const struct engine_answer *answer) {
  struct reading *reading = arg;
  reading->read = NULL;
  reading->err = answer->err;
  if (!answer->err)
    history_put(&reading->page, reading->engine, answer);
  wait_wake(&reading->waiter);
}

/* The number at a key of the options; false if there is none. */
static bool number_option(lua_State *L, int index, const char *key,
                          lua_Integer least, lua_Integer most,
                          uint64_t *value) {
  int is_whole = 0;
  if (lua_isnoneornil(L, index))
    return false;
  lua_pushstring(L, key);
  if (lua_rawget(L, index) == LUA_TNIL) {
    lua_pop(L, 1);
    return false;
  }
  lua_Integer number = lua_tointegerx(L, -1, &is_whole);
  if (lua_type(L, -1) != LUA_TNUMBER || !is_whole || number < least ||
      number > most)
    luaL_error(L, "%s must be a whole number from %I to %I", key,
               (LUAI_UACINT)least, (LUAI_UACINT)most);
  lua_pop(L, 1);
  *value = (uint64_t)number;
  return true;
}

static struct history_page check_page(lua_State *L, int index) {
  struct history_page page = {0};
  uint64_t limit = HISTORY_LIMIT;
  if (!lua_isnoneornil(L, index))
    luaL_checktype(L, index, LUA_TTABLE);
  page.has_after =
      number_option(L, index, "after", 0, LUA_MAXINTEGER, &page.after);
  page.has_before =
      number_option(L, index, "before", 0, LUA_MAXINTEGER, &page.before);
  (void)number_option(L, index, "limit", 1, HISTORY_LIMIT_MAX, &limit);
  page.limit = (uint32_t)limit;
  return page;
}

/* (room, { after, before, limit }): a page; or nil, code, text. */
static int read_history(lua_State *L) {
  size_t len;
  message_check_live(L);
  const struct manager *manager = generation_of(L)->host->manager;
  const char *room = luaL_checklstring(L, 1, &len);
  struct history_page page = check_page(L, 2);
  wait_check(L, "history");
  const struct rule *rule = history_rule(manager, room, len);
  if (!rule) {
    lua_pushnil(L);
    lua_pushliteral(L, "NOT_FOUND");
    lua_pushliteral(L, "the room has no history");
    return 3;
  }
  struct reading *reading = mem_alloc(sizeof *reading);
  reading->waiter.kind = &reading_kind;
  reading->engine = manager->engine;
  reading->read =
      history_read(manager, room, len, rule, &page, on_page, reading);
  return wait_begin(L, &reading->waiter);
}

/* (room): whether it is one that has a history. */
static int forget_history(lua_State *L) {
  size_t len;
  message_check_live(L);
  const struct manager *manager = generation_of(L)->host->manager;
  const char *room = luaL_checklstring(L, 1, &len);
  bool has_history = history_rule(manager, room, len);
  if (has_history)
    engine_forget(manager->engine, room, len);
  lua_pushboolean(L, has_history);
  return 1;
}

static const luaL_Reg history_functions[] = {
    {"history", read_history},
    {"forget", forget_history},
    {NULL, NULL},
};

void lib_history_open(lua_State *L) {
  luaL_setfuncs(L, history_functions, 0);
}
