/* SPDX-License-Identifier: MIT
 * Answers of scripts to plain HTTP. */
#include "script/web_answer.h"

#include "base/utf8.h"
#include "script/generation.h"
#include "script/json.h"
#include "script/promise.h"
#include "wire/reply.h"

#include <lauxlib.h>

static struct slice slice_at(lua_State *L, int index) {
  struct slice text;
  text.at = lua_tolstring(L, index, &text.len);
  return text;
}

/* --- headers ------------------------------------------------------------ */

/* The value of a header is on top: it is written, and stays. */
static void put_value(lua_State *L, struct buf *out, struct slice name) {
  int type = lua_type(L, -1);
  if (type != LUA_TSTRING && type != LUA_TNUMBER)
    luaL_error(L,
               "header '%s' must be a string, a number or an array of "
               "strings, not a %s",
               name.at, luaL_typename(L, -1));
  lua_pushvalue(L, -1); /* a number is changed in place */
  struct slice value = slice_trim(slice_at(L, -1));
  const char *fault = reply_field_fault(name, value);
  if (fault)
    luaL_error(L, "header '%s' %s", name.at, fault);
  reply_field(out, name, value);
  lua_pop(L, 1);
  if (out->len > WEB_FIELDS_BYTES)
    luaL_error(L, "the headers have more than %d bytes", WEB_FIELDS_BYTES);
}

/* A name on the stack, and the value above it: one line, or one for each item.
 */
static void put_header(lua_State *L, struct buf *out) {
  if (lua_type(L, -2) != LUA_TSTRING)
    luaL_error(L, "the name of a header must be a string, not a %s",
               luaL_typename(L, -2));
  struct slice name = slice_at(L, -2);
  struct slice before = {out->len > 0 ? out->data : "", out->len};
  if (reply_has_field(before, name.at, NULL))
    luaL_error(L, "header '%s' stands there twice", name.at);
  if (!lua_istable(L, -1)) {
    put_value(L, out, name);
    return;
  }
  lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
  for (lua_Integer i = 1; i <= count; i++) {
    lua_rawgeti(L, -1, i);
    put_value(L, out, name);
    lua_pop(L, 1);
  }
}

/* The field `headers` of the table at 1. */
static void put_headers(lua_State *L, struct buf *out) {
  lua_pushliteral(L, "headers");
  int type = lua_rawget(L, 1);
  if (type != LUA_TNIL && type != LUA_TTABLE)
    luaL_error(L, "headers must be a table, not a %s", luaL_typename(L, -1));
  if (type == LUA_TTABLE) {
    lua_pushnil(L); /* headers key */
    while (lua_next(L, -2)) {
      put_header(L, out);
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
}

/* --- the body ----------------------------------------------------------- */

static void put_default_type(struct buf *out, const char *type) {
  struct slice before = {out->len > 0 ? out->data : "", out->len};
  if (!reply_has_field(before, "content-type", NULL))
    buf_printf(out, "Content-Type: %s\r\n", type);
}

/* A string is answered from where it is: the stack of the coroutine holds it,
 * or the table that it is in. */
static void take_string(lua_State *L, struct call *call, int index) {
  struct call_result *result = &call->result;
  struct buf *out = &call->generation->scratch;
  struct slice body = slice_at(L, index);
  if (body.len > WEB_ANSWER_BYTES)
    luaL_error(L, "a body has more than %d bytes", WEB_ANSWER_BYTES);
  put_default_type(out, utf8_valid(body.at, body.len)
                            ? "text/plain; charset=utf-8"
                            : "application/octet-stream");
  result->value[1] =
      (struct call_arg){.kind = CALL_STRING, .text = body.at, .len = body.len};
  result->value[0] = (struct call_arg){
      .kind = CALL_STRING, .text = out->data, .len = out->len};
}

static void take_json(lua_State *L, struct call *call, int index,
                      const char *name) {
  struct call_result *result = &call->result;
  struct buf *out = &call->generation->scratch;
  put_default_type(out, "application/json");
  size_t fields = out->len;
  json_encode_named(L, index, out, &call->generation->sending, name);
  result->value[0] =
      (struct call_arg){.kind = CALL_STRING, .text = out->data, .len = fields};
  result->value[1] = (struct call_arg){
      .kind = CALL_JSON, .text = out->data + fields, .len = out->len - fields};
}

static void take_nothing(struct call *call) {
  const struct buf *out = &call->generation->scratch;
  call->result.value[0] =
      (struct call_arg){.kind = CALL_STRING,
                        .text = out->len > 0 ? out->data : "",
                        .len = out->len};
  call->result.value[1] = (struct call_arg){.kind = CALL_NIL, .text = ""};
}

static void take_answer_body(lua_State *L, struct call *call, int index,
                             const char *name) {
  int type = lua_type(L, index);
  if (type == LUA_TNONE || type == LUA_TNIL)
    take_nothing(call);
  else if (type == LUA_TSTRING)
    take_string(L, call, index);
  else
    take_json(L, call, index, name);
}

/* --- the whole ---------------------------------------------------------- */

/* Whether the value at 1 says a status of its own. */
static bool has_status(lua_State *L) {
  if (!lua_istable(L, 1))
    return false;
  lua_pushliteral(L, "status");
  lua_rawget(L, 1);
  bool is = lua_isinteger(L, -1);
  lua_pop(L, 1);
  return is;
}

/* Else data that has a `status` by chance would lose the rest of it. */
static void check_answer_keys(lua_State *L) {
  lua_pushnil(L);
  while (lua_next(L, 1)) {
    lua_pop(L, 1);
    const char *key =
        lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "?";
    if (strcmp(key, "status") != 0 && strcmp(key, "headers") != 0 &&
        strcmp(key, "body") != 0)
      luaL_error(L,
                 "'%s' is no part of an answer, which has status, headers and "
                 "body: data with a number as its status goes into the body",
                 key);
  }
}

static unsigned read_status(lua_State *L) {
  lua_pushliteral(L, "status");
  lua_rawget(L, 1);
  lua_Integer status = lua_tointeger(L, -1);
  lua_pop(L, 1);
  if (status < 200 || status > 599)
    luaL_error(L, "the status must be 200 to 599, not %I", (LUAI_UACINT)status);
  return (unsigned)status;
}

static void take_whole_answer(lua_State *L, struct call *call) {
  unsigned status = call->result.status = read_status(L);
  check_answer_keys(L);
  put_headers(L, &call->generation->scratch);
  lua_pushliteral(L, "body");
  lua_rawget(L, 1);
  take_answer_body(L, call, lua_gettop(L), "body");
  if ((status == 204 || status == 205 || status == 304) &&
      call->result.value[1].len > 0)
    luaL_error(L, "an answer with status %d has no body", (int)status);
}

/* What `reply` declares is the JSON of an answer, or that there is none. A text
 * is sent as it is, and a refusal in a table of its own is no reply. */
static void check_web_reply(lua_State *L, struct call *call) {
  const struct call_arg *body = &call->result.value[1];
  if (call->result.status < 300 && body->kind != CALL_STRING)
    promise_check_reply(L, call, body->text, body->len);
}

void web_answer_take(lua_State *L, struct call *call) {
  buf_reset(&call->generation->scratch, GENERATION_SCRATCH_KEEP);
  if (has_status(L)) {
    take_whole_answer(L, call);
  } else {
    call->result.status = lua_isnoneornil(L, 1) ? 204 : 200;
    take_answer_body(L, call, 1, "data");
  }
  check_web_reply(L, call);
}
