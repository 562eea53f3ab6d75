/* SPDX-License-Identifier: MIT
 * Events of scripts.
 *
 * The function does not wait: the event has its place when it returns. What the
 * handler does next is held back where it would be seen (hub/gate, and
 * request.after in net/fetch), until the event is in the outbox. */
#include "script/lib_emit.h"

#include "base/err.h"
#include "events/events.h"
#include "hub/index.h"
#include "script/generation.h"
#include "script/json.h"
#include "script/message.h"
#include "trace/span.h"

#include <lauxlib.h>
#include <string.h>

enum { TYPE = 1, DATA = 2, OPTS = 3 };

static const char *check_type(lua_State *L) {
  size_t len;
  luaL_checktype(L, TYPE, LUA_TSTRING);
  const char *type = lua_tolstring(L, TYPE, &len);
  const char *fault = event_type_fault(type, len);
  if (fault)
    luaL_error(L, "perigee.emit: '%s': %s", type, fault);
  return type;
}

/* The user in the options, left on the stack; NULL: of nobody. */
static const char *check_user(lua_State *L) {
  size_t len;
  if (lua_isnil(L, OPTS))
    return NULL;
  luaL_checktype(L, OPTS, LUA_TTABLE);
  lua_pushnil(L);
  while (lua_next(L, OPTS)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING ||
        strcmp(lua_tostring(L, -1), "user") != 0)
      luaL_error(L, "perigee.emit: there is no option '%s': there is `user`",
                 luaL_tolstring(L, -1, NULL));
  }
  lua_pushliteral(L, "user");
  int type = lua_rawget(L, OPTS);
  if (type == LUA_TNIL)
    return NULL;
  if (type != LUA_TSTRING)
    luaL_error(L, "opts.user must be a string, not a %s",
               lua_typename(L, type));
  const char *user = lua_tolstring(L, -1, &len);
  if (len == 0 || len > USER_ID_BYTES || strlen(user) < len)
    luaL_error(L, "opts.user has 1 to %d bytes, none of them zero",
               USER_ID_BYTES);
  json_check_utf8(L, lua_gettop(L));
  return user;
}

static int push_not_kept(lua_State *L, enum err err, const char *why) {
  lua_pushnil(L);
  lua_pushstring(L, err_name(err));
  lua_pushstring(L, why);
  return 3;
}

/* (type, data?, opts?): its id; false: it is not chosen; nil, code, text. */
static int emit_event(lua_State *L) {
  struct generation *generation = generation_of(L);
  struct buf *data = &generation->scratch;
  char id[EVENT_ID_BYTES], parent[TRACEPARENT_BYTES + 1];
  message_check_live(L);
  lua_settop(L, OPTS);
  struct event event = {.type = check_type(L), .user = check_user(L)};
  buf_reset(data, GENERATION_SCRATCH_KEEP);
  json_encode(L, DATA, data, &generation->sending);
  event.data = data->data;
  event.data_len = data->len;
  if (span_traceparent(parent))
    event.traceparent = parent;
  if (!generation->host->events)
    return push_not_kept(L, ERR_UNAVAILABLE,
                         "events.url is not set: nobody hears of it");
  switch (events_put(generation->host->events, &event, id)) {
  case EVENTS_KEPT:
    lua_pushstring(L, id);
    return 1;
  case EVENTS_UNWANTED:
    lua_pushboolean(L, false);
    return 1;
  case EVENTS_FULL:
    break;
  }
  return push_not_kept(L, ERR_OVERLOADED, "the outbox is full");
}

void lib_emit_open(lua_State *L) {
  lua_pushcfunction(L, emit_event);
  lua_setfield(L, -2, "emit");
}
