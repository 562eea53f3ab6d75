/* SPDX-License-Identifier: MIT
 * Sending and presence. */
#include "script/lib_service.h"

#include "base/err.h"
#include "base/mem.h"
#include "hub/publish.h"
#include "script/generation.h"
#include "script/json.h"
#include "script/json_mark.h"
#include "script/lib_client.h"
#include "script/message.h"
#include "script/others.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

static struct manager *service_manager(lua_State *L) {
  message_check_live(L);
  return generation_of(L)->host->manager;
}

static struct delivery_opts check_opts(lua_State *L, int index) {
  struct delivery_opts opts = {0};
  if (lua_isnoneornil(L, index))
    return opts;
  luaL_checktype(L, index, LUA_TTABLE);
  lua_pushliteral(L, "except");
  if (lua_rawget(L, index) != LUA_TNIL)
    opts.except = lib_client_id(L, lua_gettop(L));
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

/* nil, code, text */
static int push_error(lua_State *L, int err) {
  lua_pushnil(L);
  lua_pushstring(L, err_name((enum err)err));
  lua_pushstring(L, err_text((enum err)err));
  return 3;
}

static int send_user_message(lua_State *L) {
  struct manager *manager = service_manager(L);
  size_t len;
  const char *user = luaL_checklstring(L, 1, &len);
  struct delivery_opts opts = check_opts(L, 3);
  struct frame *frame = message_frame(L, 2);
  uint32_t sent = publish_to_user(manager, user, len, frame, opts);
  frame_unref(frame);
  return push_count(L, sent);
}

/* The text of an option, left on the stack; NULL if it is not there. */
static const char *text_option(lua_State *L, int index, const char *key,
                               size_t *len) {
  lua_pushstring(L, key);
  int type = lua_rawget(L, index);
  if (type == LUA_TNIL)
    return NULL;
  if (type != LUA_TSTRING)
    luaL_error(L, "opts.%s must be a string, not a %s", key,
               lua_typename(L, type));
  const char *text = lua_tolstring(L, -1, len);
  if (*len == 0 || *len > ENGINE_KEY_BYTES)
    luaL_error(L, "opts.%s has 1 to %d bytes", key, ENGINE_KEY_BYTES);
  return text;
}

/* What is said about history. Messages that not all members get are not of it,
 * unless the script wants that: their numbers would be missing. */
static void check_history_opts(lua_State *L, int index,
                               struct publish_message *message,
                               bool is_for_all) {
  if (lua_isnoneornil(L, index))
    return;
  message->key = text_option(L, index, "key", &message->key_len);
  message->id = text_option(L, index, "id", &message->id_len);
  lua_pushliteral(L, "keep");
  bool is_said = lua_rawget(L, index) != LUA_TNIL;
  message->fleeting = is_said ? !lua_toboolean(L, -1) : !is_for_all;
}

static bool wants_confirmation(lua_State *L, int index) {
  if (lua_isnoneornil(L, index))
    return false;
  lua_pushliteral(L, "confirm");
  lua_rawget(L, index);
  bool wanted = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return wanted;
}

/* (room, message, opts): for how many it was, and its number. */
static int send_room_message(lua_State *L) {
  struct manager *manager = service_manager(L);
  struct publish_message message = {0};
  message.room = luaL_checklstring(L, 1, &message.room_len);
  json_check_utf8(L, 1);
  lua_settop(L, 3);
  struct delivery_opts opts = check_opts(L, 3);
  check_history_opts(L, 3, &message, opts.except == 0 && !opts.drop);
  struct message_text text =
      message_to_room(L, 2, message.room, message.room_len);
  message.text = text.at;
  message.len = text.len;
  message.number_at = text.number_at;
  if (wants_confirmation(L, 3))
    return others_publish(L, &message, opts);
  struct publish_result result = publish_message(manager, &message, opts);
  if (result.err)
    return push_error(L, result.err);
  push_count(L, result.receivers);
  if (result.seq == 0)
    return 1;
  lua_pushinteger(L, (lua_Integer)result.seq);
  return 2;
}

static int broadcast_message(lua_State *L) {
  struct manager *manager = service_manager(L);
  struct delivery_opts opts = check_opts(L, 2);
  struct frame *frame = message_frame(L, 1);
  uint32_t sent = publish_to_all(manager, frame, opts);
  frame_unref(frame);
  return push_count(L, sent);
}

static int kick_user(lua_State *L) {
  struct manager *manager = service_manager(L);
  size_t len;
  const char *user = luaL_checklstring(L, 1, &len);
  const char *reason = luaL_optstring(L, 2, NULL);
  if (reason) {
    luaL_argcheck(L, strlen(reason) <= CLOSE_REASON_BYTES, 2,
                  "a close reason has at most 123 bytes");
    json_check_utf8(L, 2);
  }
  return push_count(
      L, publish_close_user(manager, user, len, CLOSE_KICKED, reason));
}

/* How many connections the user of argument 1 has in this process. */
static uint32_t devices_here(lua_State *L) {
  const struct manager *manager = service_manager(L);
  uint32_t counts[BUS_WORKERS_MAX];
  size_t len;
  const char *id = luaL_checklstring(L, 1, &len);
  if (manager->bus)
    return whereabouts_of_user(manager->bus->whereabouts, id, len, counts);
  const struct user *user = manager_user(manager, id, len);
  return user ? user->count : 0;
}

static int push_is_online(lua_State *L, const struct engine_news *news) {
  lua_pushboolean(L, devices_here(L) + news->connections > 0);
  return 1;
}

/* What is known here needs no waiting. */
static int is_user_online(lua_State *L) {
  const struct engine_news none = {0};
  size_t len;
  const char *id = luaL_checklstring(L, 1, &len);
  if (others_are_there(L) && devices_here(L) == 0)
    return others_settle(L, "is_online", BUS_USER, id, len, false,
                         push_is_online);
  return push_is_online(L, &none);
}

static int push_devices(lua_State *L, const struct engine_news *news) {
  return push_count(L, devices_here(L) + news->connections);
}

/* (user): how many connections it has. */
static int count_devices(lua_State *L) {
  const struct engine_news none = {0};
  size_t len;
  const char *id = luaL_checklstring(L, 1, &len);
  if (others_are_there(L))
    return others_settle(L, "devices", BUS_USER, id, len, false, push_devices);
  return push_devices(L, &none);
}

static int push_room_count(lua_State *L, const struct engine_news *news);

/* (room): how many users are in it, and with how many connections. */
static int count_room(lua_State *L) {
  struct manager *manager = service_manager(L);
  struct whereabouts_count count = {0};
  size_t len;
  const char *name = luaL_checklstring(L, 1, &len);
  const struct room *room = manager_room(manager, name, len);
  if (others_are_there(L))
    return others_ask(L, "count", ENGINE_MEMBERS, name, len, push_room_count);
  if (manager->bus) {
    count = whereabouts_count_room(manager->bus->whereabouts, name, len);
  } else if (room) {
    count.users = manager_room_users(manager, room);
    count.connections = room->count;
  }
  return push_count(L, count.users) + push_count(L, count.connections);
}

/* --- lists -------------------------------------------------------------- */

/* Texts or connections are collected into memory that is not Lua's, and freed
 * by the collector also when something raises while they are pushed: pushing
 * may run finalizers of scripts, which may close connections. */
struct collection {
  void **items;
  size_t count, cap;
};

static const char COLLECTION[] = "perigee.collection";

static int free_collection(lua_State *L) {
  struct collection *found = lua_touserdata(L, 1);
  for (size_t i = 0; i < found->count; i++)
    mem_free(found->items[i]);
  mem_free(found->items);
  *found = (struct collection){0};
  return 0;
}

static struct collection *new_collection(lua_State *L) {
  struct collection *found = lua_newuserdatauv(L, sizeof *found, 0);
  *found = (struct collection){0};
  luaL_setmetatable(L, COLLECTION);
  return found;
}

static void collect(struct collection *found, void *item) {
  if (found->count == found->cap) {
    found->cap = found->cap ? found->cap * 2 : 16;
    found->items = mem_realloc(found->items, found->cap * sizeof(void *));
  }
  found->items[found->count++] = item;
}

static void collect_text(void *arg, const char *text) {
  collect(arg, mem_strdup(text));
}

static int by_text(const void *a, const void *b) {
  const char *const *x = a, *const *y = b;
  return strcmp(*x, *y);
}

/* Pushes an array of the distinct texts, in order. */
static int push_sorted(lua_State *L, const struct collection *found) {
  char **texts = (char **)found->items;
  lua_Integer n = 0;
  if (found->count > 0)
    qsort(texts, found->count, sizeof *texts, by_text);
  lua_createtable(L, (int)found->count, 0);
  json_mark_array(L);
  for (size_t i = 0; i < found->count; i++) {
    if (i > 0 && !strcmp(texts[i], texts[i - 1]))
      continue;
    lua_pushstring(L, texts[i]);
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

static void collect_members(lua_State *L, struct collection *found) {
  const struct manager *manager = service_manager(L);
  size_t len;
  const char *name = luaL_checklstring(L, 1, &len);
  const struct room *room = manager_room(manager, name, len);
  if (manager->bus)
    whereabouts_each_member(manager->bus->whereabouts, name, len, collect_text,
                            found);
  else
    for (uint32_t i = 0; room && i < room->count; i++) {
      const struct user *user = room->members[i].conn->user;
      if (user) /* of a raw connection there may be none */
        collect_text(found, user->id);
    }
}

static void collect_news(struct collection *found,
                         const struct engine_news *news) {
  for (size_t i = 0; i < news->name_count; i++)
    collect_text(found, news->names[i]);
}

static int push_members(lua_State *L, const struct engine_news *news) {
  struct collection *found = new_collection(L);
  collect_members(L, found);
  collect_news(found, news);
  return push_sorted(L, found);
}

static int push_room_count(lua_State *L, const struct engine_news *news) {
  const struct manager *manager = service_manager(L);
  size_t len;
  const char *name = luaL_checklstring(L, 1, &len);
  struct whereabouts_count here =
      whereabouts_count_room(manager->bus->whereabouts, name, len);
  (void)push_members(L, news);
  lua_Integer users = (lua_Integer)lua_rawlen(L, -1);
  lua_pushinteger(L, users);
  return 1 + push_count(L, here.connections + news->connections);
}

static int list_members(lua_State *L) {
  const struct engine_news none = {0};
  size_t len;
  const char *name = luaL_checklstring(L, 1, &len);
  if (others_are_there(L))
    return others_ask(L, "members", ENGINE_MEMBERS, name, len, push_members);
  return push_members(L, &none);
}

/* (room): what its members are told of each other. The list is JSON first: no
 * Lua value may be made under the lock of others. */
static int push_presence(lua_State *L, const struct engine_news *news) {
  const struct manager *manager = service_manager(L);
  struct buf *out = &generation_of(L)->scratch;
  const char *name = luaL_checkstring(L, 1);
  (void)news; /* what others have is known here */
  buf_reset(out, GENERATION_SCRATCH_KEEP);
  presence_put_users(manager->roster->presence, name, out);
  size_t len = out->len;
  lua_pushlstring(L, out->data, len); /* decoding may run what writes there */
  json_decode(L, lua_tostring(L, -1), len);
  return 1;
}

static int list_presence(lua_State *L) {
  const struct manager *manager = service_manager(L);
  const struct engine_news none = {0};
  size_t name_len;
  const char *name = luaL_checklstring(L, 1, &name_len);
  const struct rule *rule = rules_find(manager->rules, name, name_len);
  if (!rule || rule->presence == RULE_NO_PRESENCE) {
    lua_pushnil(L);
    lua_pushstring(L, err_name(ERR_NOT_FOUND));
    lua_pushliteral(L, "no rule of @rooms with presence fits the room");
    return 3;
  }
  if (others_are_there(L))
    return others_settle(L, "presence", BUS_ROOM, name, name_len, false,
                         push_presence);
  return push_presence(L, &none);
}

static int push_users(lua_State *L, const struct engine_news *news) {
  struct user *user = NULL, *next = NULL;
  const struct manager *manager = service_manager(L);
  struct collection *found = new_collection(L);
  if (manager->bus)
    whereabouts_each_user(manager->bus->whereabouts, collect_text, found);
  else
    HASH_ITER (hh, manager->users, user, next)
      if (user->count > 0)
        collect_text(found, user->id);
  collect_news(found, news);
  return push_sorted(L, found);
}

static int list_users(lua_State *L) {
  const struct engine_news none = {0};
  if (others_are_there(L))
    return others_ask(L, "users", ENGINE_USERS, NULL, 0, push_users);
  return push_users(L, &none);
}

static int push_rooms(lua_State *L, const struct engine_news *news) {
  struct room *room = NULL, *next = NULL;
  const struct manager *manager = service_manager(L);
  struct collection *found = new_collection(L);
  if (manager->bus)
    whereabouts_each_room(manager->bus->whereabouts, collect_text, found);
  else
    HASH_ITER (hh, manager->rooms, room, next)
      if (room->count > 0)
        collect_text(found, room->name);
  collect_news(found, news);
  return push_sorted(L, found);
}

static int list_rooms(lua_State *L) {
  const struct engine_news none = {0};
  if (others_are_there(L))
    return others_ask(L, "rooms", ENGINE_ROOMS, NULL, 0, push_rooms);
  return push_rooms(L, &none);
}

/* What lib_client_push_elsewhere needs, in one piece of memory. */
static void collect_conn(void *arg, const struct whereabouts_conn *conn) {
  size_t address = strlen(conn->address) + 1;
  size_t claims = conn->claims ? strlen(conn->claims) + 1 : 0;
  struct whereabouts_conn *copy =
      mem_alloc_raw(sizeof *copy + address + claims);
  char *texts = (char *)(copy + 1);
  *copy = *conn;
  copy->address = memcpy(texts, conn->address, address);
  if (conn->claims)
    copy->claims = memcpy(texts + address, conn->claims, claims);
  collect(arg, copy);
}

/* Those of this worker, as they logged in. */
static void collect_local(const struct manager *manager, const char *id,
                          size_t len, struct collection *found) {
  const struct user *user = manager_user(manager, id, len);
  if (user)
    LIST_FOREACH (it, &user->conns) {
      struct conn *conn = container_of(it, struct conn, user_node);
      struct whereabouts_conn entry = {.id = conn->id,
                                       .worker = manager->worker,
                                       .address = conn->address->text};
      collect_conn(found, &entry);
    }
}

static int push_clients(lua_State *L, const struct engine_news *news) {
  const struct manager *manager = service_manager(L);
  size_t len;
  const char *id = luaL_checklstring(L, 1, &len);
  struct collection *found = new_collection(L);
  if (manager->bus)
    whereabouts_each_conn(manager->bus->whereabouts, id, len, collect_conn,
                          found);
  else
    collect_local(manager, id, len, found);
  lua_createtable(L, (int)found->count, 0);
  json_mark_array(L);
  lua_Integer n = 0;
  for (size_t i = 0; i < found->count; i++) {
    struct whereabouts_conn *entry = found->items[i];
    struct conn *conn = manager_conn(manager, entry->id);
    entry->user = id;
    if (conn)
      lib_client_push(L, conn);
    else if (entry->worker != manager->worker)
      lib_client_push_elsewhere(L, entry);
    else
      continue; /* closed by a finalizer, just now */
    lua_rawseti(L, -2, ++n);
  }
  for (size_t i = 0; i < news->conn_count; i++) {
    struct whereabouts_conn there = news->conns[i];
    there.user = id;
    lib_client_push_elsewhere(L, &there);
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

static int list_clients(lua_State *L) {
  const struct engine_news none = {0};
  size_t len;
  const char *id = luaL_checklstring(L, 1, &len);
  if (others_are_there(L))
    return others_ask(L, "clients_of", ENGINE_CONNS, id, len, push_clients);
  return push_clients(L, &none);
}

static const luaL_Reg functions[] = {
    {"send_to_user", send_user_message},
    {"send_to_room", send_room_message},
    {"broadcast", broadcast_message},
    {"kick", kick_user},
    {"is_online", is_user_online},
    {"devices", count_devices},
    {"clients_of", list_clients},
    {"users", list_users},
    {"count", count_room},
    {"members", list_members},
    {"presence", list_presence},
    {"rooms", list_rooms},
    {NULL, NULL},
};

void lib_service_open(lua_State *L) {
  luaL_newmetatable(L, COLLECTION);
  lua_pushcfunction(L, free_collection);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}
