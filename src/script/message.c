/* SPDX-License-Identifier: MIT
 * Messages of scripts. */
#include "script/message.h"

#include "base/utf8.h"
#include "hub/manager.h"
#include "hub/position.h"
#include "script/generation.h"
#include "script/json.h"
#include "script/promise.h"
#include "wire/json.h"
#include "wire/msg_type.h"

#include <lauxlib.h>
#include <string.h>

static const char data_key[] = ",\"data\":";

/* Pushes a field of the message without asking a metatable: its functions
 * could send, into the same buffer. Returns the type. */
static int push_raw(lua_State *L, int message, const char *key) {
  lua_pushstring(L, key);
  return lua_rawget(L, message);
}

/* The type, checked; it stays on the stack. */
static const char *push_type(lua_State *L, int message, size_t *len) {
  if (push_raw(L, message, "type") != LUA_TSTRING)
    luaL_error(L, "a message needs a type: { type = \"…\", data = … }");
  const char *type = lua_tolstring(L, -1, len);
  if (!msg_type_ok(type, *len))
    luaL_error(L, "message type '%s' is not 1 to 64 of A-Z a-z 0-9 _ . : -",
               type);
  if (msg_type_is_control(type, *len))
    luaL_error(L, "message type '%s' is the protocol's own: no script sends it",
               type);
  return type;
}

/* Raises if no connection could ever take so much. */
static void check_frame_length(lua_State *L, size_t len) {
  size_t limit = generation_of(L)->host->manager->limits.queue_bytes;
  if (len + FRAME_HEADER_BYTES > limit)
    luaL_error(L, "the message has %I bytes, limits.queue_bytes is %I",
               (LUAI_UACINT)len, (LUAI_UACINT)limit);
}

/* The data that was written behind `end`; 0: there is none. */
static void check_promise(lua_State *L, const char *type, size_t type_len,
                          size_t end) {
  const struct buf *out = &generation_of(L)->scratch;
  size_t data_at = end + strlen(data_key);
  promise_check_push(L, type, type_len, end ? out->data + data_at : NULL,
                     end ? out->len - data_at : 0);
}

/* Writes the table at `index` into the scratch buffer. Returns where the name
 * of the room ends, or the type if there is none. */
static size_t write_message(lua_State *L, int index, const char *room,
                            size_t room_len) {
  struct generation *generation = generation_of(L);
  struct buf *out = &generation->scratch;
  size_t type_len;
  luaL_checktype(L, index, LUA_TTABLE);
  const char *type = push_type(L, index, &type_len);
  bool has_data = push_raw(L, index, "data") != LUA_TNIL;
  buf_reset(out, GENERATION_SCRATCH_KEEP);
  buf_puts(out, "{\"type\":\"");
  buf_put(out, type, type_len);
  buf_putc(out, '"');
  if (room) {
    buf_puts(out, ",\"room\":");
    json_put_string(out, room, room_len);
  }
  size_t end = out->len;
  if (has_data) {
    buf_puts(out, data_key);
    json_encode(L, lua_gettop(L), out, &generation->sending);
  }
  if (generation->has_promises)
    check_promise(L, type, type_len, has_data ? end : 0);
  lua_pop(L, 2);
  buf_putc(out, '}');
  return end;
}

struct frame *message_frame(lua_State *L, int index) {
  const struct buf *out = &generation_of(L)->scratch;
  (void)write_message(L, index, NULL, 0);
  check_frame_length(L, out->len);
  return frame_new(FRAME_TEXT, out->data, out->len);
}

struct message_text message_to_room(lua_State *L, int index, const char *room,
                                    size_t room_len) {
  const struct generation *generation = generation_of(L);
  const struct buf *out = &generation->scratch;
  size_t end = write_message(L, index, room, room_len);
  bool declared = generation->host->manager->rules;
  check_frame_length(L, out->len + (declared ? ENGINE_NUMBER_BYTES : 0));
  return (struct message_text){out->data, out->len, end};
}

void message_room_begin(struct buf *out, const char *type, const char *room,
                        size_t len) {
  buf_puts(out, "{\"type\":\"");
  buf_puts(out, type);
  buf_puts(out, "\",\"room\":");
  json_put_string(out, room, len);
}

size_t message_joined_begin(lua_State *L, int index, const char *room,
                            size_t len) {
  struct generation *generation = generation_of(L);
  struct buf *out = &generation->scratch;
  buf_reset(out, GENERATION_SCRATCH_KEEP);
  message_room_begin(out, "joined", room, len);
  buf_puts(out, data_key);
  size_t data_at = out->len;
  if (lua_istable(L, index))
    json_encode(L, index, out, &generation->sending);
  check_frame_length(L, out->len + POSITION_BYTES);
  return data_at;
}

struct frame *message_joined_end(lua_State *L, size_t data_at) {
  struct buf *out = &generation_of(L)->scratch;
  if (out->len == data_at) /* there is none */
    out->len -= strlen(data_key);
  buf_putc(out, '}');
  return frame_new(FRAME_TEXT, out->data, out->len);
}

struct frame *message_raw_frame(lua_State *L, int index, bool is_binary) {
  size_t len;
  const char *payload = luaL_checklstring(L, index, &len);
  check_frame_length(L, len);
  if (!is_binary && !utf8_valid(payload, len))
    luaL_error(L, "a string that is not UTF-8 cannot be sent as text: make it "
                  "binary, client:send_raw(payload, true)");
  return frame_new(is_binary ? FRAME_BINARY : FRAME_TEXT, payload, len);
}

void message_check_live(lua_State *L) {
  if (!generation_of(L)->live)
    luaL_error(L, "not while scripts are being loaded: use the @start hook");
}
