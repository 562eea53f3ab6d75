/* SPDX-License-Identifier: MIT
 * Messages of scripts. */
#include "script/message.h"

#include "core/json.h"
#include "core/manager.h"
#include "core/msg_type.h"
#include "script/generation.h"
#include "script/json.h"

#include <lauxlib.h>

static void put_type(lua_State *L, int message, struct buf *out) {
  size_t len;
  if (lua_getfield(L, message, "type") != LUA_TSTRING)
    luaL_error(L, "a message needs a type: { type = \"…\", data = … }");
  const char *type = lua_tolstring(L, -1, &len);
  if (!msg_type_ok(type, len))
    luaL_error(L, "message type '%s' is not 1 to 64 of A-Z a-z 0-9 _ . : -",
               type);
  buf_puts(out, "{\"type\":\"");
  buf_put(out, type, len);
  buf_putc(out, '"');
  lua_pop(L, 1);
}

static void put_data(lua_State *L, int message, struct buf *out) {
  if (lua_getfield(L, message, "data") != LUA_TNIL) {
    buf_puts(out, ",\"data\":");
    json_encode(L, lua_gettop(L), out);
  }
  lua_pop(L, 1);
}

struct frame *message_frame(lua_State *L, int index, const char *room,
                            size_t room_len) {
  struct host *host = generation_of(L)->host;
  struct buf *out = &host->scratch;
  luaL_checktype(L, index, LUA_TTABLE);
  buf_reset(out, HOST_SCRATCH_KEEP);
  put_type(L, index, out);
  put_data(L, index, out);
  if (room) {
    buf_puts(out, ",\"room\":");
    json_put_string(out, room, room_len);
  }
  buf_putc(out, '}');
  size_t limit = host->manager->limits.queue_bytes;
  if (out->len > limit)
    luaL_error(L, "the message has %I bytes, over limits.queue_bytes (%I)",
               (lua_Integer)out->len, (lua_Integer)limit);
  return frame_new(FRAME_TEXT, out->data, out->len);
}

void message_check_live(lua_State *L) {
  if (!generation_of(L)->live)
    luaL_error(L, "not while scripts are being loaded: use the @start hook");
}
