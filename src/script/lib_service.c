/* SPDX-License-Identifier: MIT
 * Sending and presence. */
#include "script/lib_service.h"

#include "core/service.h"
#include "script/generation.h"
#include "script/json.h"
#include "script/lib_client.h"
#include "script/message.h"

#include <lauxlib.h>
#include <stdlib.h>

static struct manager *manager_of(lua_State *L) {
  message_check_live(L);
  return generation_of(L)->host->manager;
}

static struct service_opts check_opts(lua_State *L, int index) {
  struct service_opts opts = {0};
  if (lua_isnoneornil(L, index))
    return opts;
  luaL_checktype(L, index, LUA_TTABLE);
  lua_pushliteral(L, "except");
  if (lua_rawget(L, index) != LUA_TNIL)
    opts.except = lib_client_check(L, lua_gettop(L));
  lua_pushliteral(L, "drop");
  lua_rawget(L, index);
  opts.drop = lua_toboolean(L, -1);
  lua_pop(L, 2);
  return opts;
}

static int push_count(lua_State *L, uint32_t count) {
  lua_pushinteger(L, (lua_Integer)count);
  return 1;
}

static int send_to_user(lua_State *L) {
  struct manager *manager = manager_of(L);
  size_t len;
  const char *user = luaL_checklstring(L, 1, &len);
  struct service_opts opts = check_opts(L, 3);
  struct frame *frame = message_frame(L, 2, NULL, 0);
  uint32_t sent = service_send_to_user(manager, user, len, frame, opts);
  frame_unref(frame);
  return push_count(L, sent);
}

static int send_to_room(lua_State *L) {
  struct manager *manager = manager_of(L);
  size_t len;
  const char *room = luaL_checklstring(L, 1, &len);
  json_check_utf8(L, 1);
  struct service_opts opts = check_opts(L, 3);
  struct frame *frame = message_frame(L, 2, room, len);
  uint32_t sent = service_send_to_room(manager, room, len, frame, opts);
  frame_unref(frame);
  return push_count(L, sent);
}

static int broadcast(lua_State *L) {
  struct manager *manager = manager_of(L);
  struct service_opts opts = check_opts(L, 2);
  struct frame *frame = message_frame(L, 1, NULL, 0);
  uint32_t sent = service_broadcast(manager, frame, opts);
  frame_unref(frame);
  return push_count(L, sent);
}

static int kick(lua_State *L) {
  struct manager *manager = manager_of(L);
  size_t len;
  const char *user = luaL_checklstring(L, 1, &len);
  const char *reason = luaL_optstring(L, 2, NULL);
  if (reason) {
    luaL_argcheck(L, strlen(reason) <= CLOSE_REASON_BYTES, 2,
                  "a close reason has at most 123 bytes");
    json_check_utf8(L, 2);
  }
  return push_count(L, service_kick(manager, user, len, reason));
}

static struct user *check_user(lua_State *L, int index) {
  size_t len;
  const char *id = luaL_checklstring(L, index, &len);
  return manager_user(manager_of(L), id, len);
}

static int is_online(lua_State *L) {
  const struct user *user = check_user(L, 1);
  lua_pushboolean(L, user && user->count > 0);
  return 1;
}

/* Memory for `count` pointers that the garbage collector takes back, also when
 * something raises. Allocating may run finalizers of scripts, which may close
 * connections: tables and lists are looked up and walked after it. */
static void *new_pointers(lua_State *L, size_t count) {
  return lua_newuserdatauv(L, (count + 1) * sizeof(void *), 0);
}

static int clients_of(lua_State *L) {
  const struct user *user = check_user(L, 1);
  size_t n = 0, cap = user ? user->count : 0;
  struct conn **conns = new_pointers(L, cap);
  user = check_user(L, 1);
  if (user)
    LIST_FOREACH (it, &user->conns)
      if (n < cap)
        conns[n++] = container_of(it, struct conn, user_node);
  lua_createtable(L, (int)n, 0);
  json_mark_array(L);
  for (size_t i = 0; i < n; i++) {
    lib_client_push(L, conns[i]); /* freed after this loop turn at most */
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static int by_text(const void *a, const void *b) {
  const char *const *x = a, *const *y = b;
  return strcmp(*x, *y);
}

/* Pushes an array of the distinct texts, in order. The texts must stay where
 * they are: they belong to users and rooms, which no allocation here moves. */
static int push_sorted(lua_State *L, const char **texts, size_t count) {
  lua_Integer n = 0;
  qsort(texts, count, sizeof *texts, by_text);
  lua_createtable(L, (int)count, 0);
  json_mark_array(L);
  for (size_t i = 0; i < count; i++) {
    if (i > 0 && !strcmp(texts[i], texts[i - 1]))
      continue;
    lua_pushstring(L, texts[i]);
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

static const struct room *check_room(lua_State *L, int index) {
  size_t len;
  const char *name = luaL_checklstring(L, index, &len);
  return manager_room(manager_of(L), name, len);
}

static int members(lua_State *L) {
  const struct room *room = check_room(L, 1);
  size_t n = 0, cap = room ? room->count : 0;
  const char **texts = new_pointers(L, cap);
  room = check_room(L, 1);
  for (; room && n < room->count && n < cap; n++)
    texts[n] = room->members[n].conn->user->id;
  return push_sorted(L, texts, n);
}

static int rooms(lua_State *L) {
  struct room *room = NULL, *next = NULL;
  const struct manager *manager = manager_of(L);
  size_t count = 0, cap = HASH_COUNT(manager->rooms);
  const char **texts = new_pointers(L, cap);
  HASH_ITER (hh, manager->rooms, room, next)
    if (room->count > 0 && count < cap)
      texts[count++] = room->name;
  return push_sorted(L, texts, count);
}

static const luaL_Reg functions[] = {
    {"send_to_user", send_to_user},
    {"send_to_room", send_to_room},
    {"broadcast", broadcast},
    {"kick", kick},
    {"is_online", is_online},
    {"clients_of", clients_of},
    {"members", members},
    {"rooms", rooms},
    {NULL, NULL},
};

void lib_service_open(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
