/* SPDX-License-Identifier: MIT
 * JSON to Lua values.
 *
 * The text is walked with the scanner of wire/json, which checks again what it
 * passes. That costs little, and means that a text which nobody has checked
 * raises instead of doing harm. It recurses at most JSON_MAX_DEPTH deep. */
#include "script/json.h"

#include "base/attr.h"
#include "script/json_mark.h"
#include "wire/json.h"

#include <lauxlib.h>

/* Slots of the stack that one level of tables needs: its table, a key, a value,
 * and what it takes to make these. */
enum { LEVEL_SLOTS = 8 };

static void decode_value(lua_State *L, struct json_scan *scan, int depth);

static void expect_json(lua_State *L, bool ok) {
  if (!ok)
    luaL_error(L, "not valid JSON");
}

static NOINLINE void decode_escaped(lua_State *L,
                                    const struct json_string *string) {
  luaL_Buffer buffer;
  char *at = luaL_buffinitsize(L, &buffer, string->len);
  luaL_pushresultsize(
      &buffer, json_unescape(string->text, string->len, at, string->len));
}

static inline void decode_string(lua_State *L,
                                 const struct json_string *string) {
  if (string->escaped)
    decode_escaped(L, string);
  else
    lua_pushlstring(L, string->text, string->len);
}

static void decode_number(lua_State *L, struct json_scan *scan) {
  const char *start = scan->at;
  int64_t integer;
  bool whole;
  expect_json(L, json_scan_number(scan, &whole) == 0);
  size_t len = (size_t)(scan->at - start);
  if (whole && json_to_int(start, len, &integer))
    lua_pushinteger(L, integer);
  else
    lua_pushnumber(L, json_to_double(start, len));
}

static void decode_array(lua_State *L, struct json_scan *scan, int depth) {
  int more = json_enter(scan, ']');
  luaL_checkstack(L, LEVEL_SLOTS, "JSON");
  lua_createtable(L, more > 0 ? 4 : 0, 0);
  for (lua_Integer i = 1; more > 0; i++) {
    decode_value(L, scan, depth);
    lua_rawseti(L, -2, i);
    more = json_next(scan, ']');
  }
  expect_json(L, more == 0);
  json_mark_array(L);
}

static void decode_object(lua_State *L, struct json_scan *scan, int depth) {
  struct json_string string;
  int more = json_enter(scan, '}');
  luaL_checkstack(L, LEVEL_SLOTS, "JSON");
  lua_createtable(L, 0, more > 0 ? 4 : 0);
  while (more > 0) {
    expect_json(L, json_scan_key(scan, &string) == 0);
    decode_string(L, &string);
    decode_value(L, scan, depth); /* table key value */
    lua_rawset(L, -3);
    more = json_next(scan, '}');
  }
  expect_json(L, more == 0);
}

static void decode_word(lua_State *L, struct json_scan *scan) {
  if (*scan->at == 't') {
    expect_json(L, json_scan_word(scan, "true") == 0);
    lua_pushboolean(L, true);
  } else if (*scan->at == 'f') {
    expect_json(L, json_scan_word(scan, "false") == 0);
    lua_pushboolean(L, false);
  } else {
    expect_json(L, json_scan_word(scan, "null") == 0);
    lua_pushlightuserdata(L, NULL);
  }
}

/* `depth` counts the arrays and objects around the value. */
static void decode_value(lua_State *L, struct json_scan *scan, int depth) {
  struct json_string string;
  expect_json(L, scan->at < scan->end && depth <= JSON_MAX_DEPTH);
  switch (*scan->at) {
  case '"':
    expect_json(L, json_scan_string(scan, &string) == 0);
    decode_string(L, &string);
    break;
  case '{':
    decode_object(L, scan, depth + 1);
    break;
  case '[':
    decode_array(L, scan, depth + 1);
    break;
  case 't':
  case 'f':
  case 'n':
    decode_word(L, scan);
    break;
  default:
    decode_number(L, scan);
  }
}

void json_decode(lua_State *L, const char *text, size_t len) {
  struct json_scan scan = {text, text + len};
  luaL_checkstack(L, LEVEL_SLOTS, "JSON");
  json_skip_space(&scan);
  decode_value(L, &scan, 0);
}
