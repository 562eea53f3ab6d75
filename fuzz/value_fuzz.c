/* SPDX-License-Identifier: MIT
 * Values of scripts on their way out. The bytes are a program that builds a
 * Lua value on a stack (enum op); it is then written as JSON, and packed.
 *
 * Either may refuse it with a text. What is written is JSON whose value is
 * written the same, and what is packed is unpacked as a value that has the
 * same JSON, or none. Keys may change places, so only lengths are compared. */
#include "script/json.h"
#include "script/json_mark.h"
#include "script/pack.h"
#include "wire/json.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STACK_MAX = 64, NUMBER_BYTES = 8, PACK_MAX = 1 << 16 };

enum op {
  OP_NIL = 'n',
  OP_NULL = 'N',
  OP_TRUE = 't',
  OP_FALSE = 'f',
  OP_INTEGER = 'i', /* 8 bytes */
  OP_FLOAT = 'd',   /* 8 bytes */
  OP_DIGIT = '0',   /* a small integer: a byte */
  OP_STRING = 's',  /* a length of one byte, and so many bytes */
  OP_FUNCTION = 'c',
  OP_TABLE = '{',
  OP_ARRAY = '[',  /* with the array mark */
  OP_SET = '=',    /* table key value: sets it, leaves the table */
  OP_APPEND = ',', /* table value: the same, at the end */
  OP_AGAIN = '&',  /* one that lies deeper: a byte says which */
};

struct program {
  const uint8_t *at, *end;
};

static void require(bool ok) {
  if (!ok)
    abort();
}

/* --- building ----------------------------------------------------------- */

static uint8_t next(struct program *program) {
  return program->at < program->end ? *program->at++ : 0;
}

/* Up to `len` bytes; returns how many there were. */
static size_t take(struct program *program, void *out, size_t len) {
  size_t left = (size_t)(program->end - program->at);
  if (len > left)
    len = left;
  if (len > 0)
    memcpy(out, program->at, len);
  program->at += len;
  return len;
}

static void push_integer(lua_State *L, struct program *program) {
  lua_Integer value = 0;
  take(program, &value, NUMBER_BYTES);
  lua_pushinteger(L, value);
}

static void push_float(lua_State *L, struct program *program) {
  lua_Number value = 0;
  take(program, &value, NUMBER_BYTES);
  lua_pushnumber(L, value);
}

static void push_string(lua_State *L, struct program *program) {
  char text[UINT8_MAX];
  size_t len = take(program, text, next(program));
  lua_pushlstring(L, text, len);
}

static bool is_key(lua_State *L, int index) {
  return !lua_isnil(L, index) &&
         (lua_type(L, index) != LUA_TNUMBER ||
          lua_tonumber(L, index) == lua_tonumber(L, index));
}

static void set(lua_State *L) {
  if (lua_gettop(L) < 3 || !lua_istable(L, -3) || !is_key(L, -2))
    return;
  lua_rawset(L, -3);
}

static void append(lua_State *L) {
  if (lua_gettop(L) < 2 || !lua_istable(L, -2))
    return;
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

static int nothing(lua_State *L) {
  (void)L;
  return 0;
}

static void step(lua_State *L, struct program *program) {
  switch ((enum op)next(program)) {
  case OP_NIL:
    lua_pushnil(L);
    break;
  case OP_NULL:
    lua_pushlightuserdata(L, NULL);
    break;
  case OP_TRUE:
    lua_pushboolean(L, true);
    break;
  case OP_FALSE:
    lua_pushboolean(L, false);
    break;
  case OP_INTEGER:
    push_integer(L, program);
    break;
  case OP_FLOAT:
    push_float(L, program);
    break;
  case OP_DIGIT:
    lua_pushinteger(L, next(program));
    break;
  case OP_STRING:
    push_string(L, program);
    break;
  case OP_FUNCTION:
    lua_pushcfunction(L, nothing);
    break;
  case OP_TABLE:
    lua_newtable(L);
    break;
  case OP_ARRAY:
    lua_newtable(L);
    json_mark_array(L);
    break;
  case OP_SET:
    set(L);
    break;
  case OP_APPEND:
    append(L);
    break;
  case OP_AGAIN:
    if (lua_gettop(L) > 0)
      lua_pushvalue(L, 1 + next(program) % lua_gettop(L));
    break;
  }
}

static int build(lua_State *L) {
  struct program program = *(struct program *)lua_touserdata(L, 1);
  lua_settop(L, 0);
  luaL_checkstack(L, STACK_MAX + LUA_MINSTACK, NULL);
  while (program.at < program.end && lua_gettop(L) < STACK_MAX)
    step(L, &program);
  if (lua_gettop(L) == 0)
    lua_pushnil(L);
  return 1;
}

/* --- the ways out ------------------------------------------------------- */

static struct json_bound bound = {.bytes = 16 << 20};

/* Arguments of the next three: a value and a buffer. */
static int encode(lua_State *L) {
  struct buf *out = lua_touserdata(L, 2);
  out->len = 0;
  json_encode(L, 1, out, &bound);
  return 0;
}

static int recode(lua_State *L) {
  struct buf *out = lua_touserdata(L, 2);
  json_decode(L, out->data, out->len);
  out->len = 0;
  json_encode(L, -1, out, &bound);
  return 0;
}

static int repack(lua_State *L) {
  struct buf *out = lua_touserdata(L, 2);
  struct pack_from from = {L, 1, "value", PACK_MAX, NULL};
  out->len = 0;
  pack_write(&from, L, out);
  lua_pushlstring(L, out->data, out->len);
  pack_read(L);
  return 1;
}

/* Whether it was not refused. A refusal has a text. */
static bool call(lua_State *L, lua_CFunction function, struct buf *buf,
                 int results) {
  lua_pushcfunction(L, function);
  lua_pushvalue(L, 1);
  lua_pushlightuserdata(L, buf);
  if (lua_pcall(L, 2, results, 0) == LUA_OK)
    return true;
  require(lua_isstring(L, -1) && lua_rawlen(L, -1) > 0);
  lua_pop(L, 1);
  return false;
}

static void check_json(lua_State *L, struct buf *text) {
  require(json_check(text->data, text->len, NULL) == 0);
  size_t len = text->len;
  require(call(L, recode, text, 0));
  require(text->len == len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static lua_State *L;
  static struct buf text, packed;
  struct program program = {data, data + size};
  if (!L) {
    L = luaL_newstate();
    json_setup(L);
  }
  lua_settop(L, 0);
  lua_pushcfunction(L, build);
  lua_pushlightuserdata(L, &program);
  require(lua_pcall(L, 1, 1, 0) == LUA_OK);
  bool has_json = call(L, encode, &text, 0);
  size_t len = text.len;
  if (has_json)
    check_json(L, &text);
  if (!call(L, repack, &packed, 1))
    return 0;
  lua_replace(L, 1);
  require(call(L, encode, &text, 0) == has_json);
  require(!has_json || text.len == len);
  return 0;
}
