/* SPDX-License-Identifier: MIT
 * JSON to Lua values.
 *
 * The text is walked with the scanner of wire/json, which checks again what it
 * passes. That costs little, and means that a text which nobody has checked
 * raises instead of doing harm. It recurses at most JSON_MAX_DEPTH deep. */
#include "script/json.h"

#include "base/attr.h"
#include "script/json_mark.h"
#include "wire/json_look.h"

#include <lauxlib.h>

/* Slots of the stack that a level of tables needs, for its table and a key, and
 * those for what it takes to make a value. They are asked for by so many levels
 * at a time. */
enum { LEVEL_SLOTS = 2, VALUE_SLOTS = 6, LEVELS = 4 };

/* What a table is made for if nobody has counted. */
enum { USUAL_SIZE = 4 };

struct decoder {
  struct json_scan scan;
  const struct json_look *look;
  unsigned tables; /* begun so far */
};

static void decode_value(lua_State *L, struct decoder *d, int depth);

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

/* How many items or members the table will have that is begun. */
static int next_size(struct decoder *d, int more) {
  if (d->tables < d->look->size_count)
    return d->look->sizes[d->tables++];
  return more > 0 ? USUAL_SIZE : 0;
}

static void need_more_slots(lua_State *L, int depth) {
  if (depth % LEVELS == 0)
    luaL_checkstack(L, LEVELS * LEVEL_SLOTS + VALUE_SLOTS, "JSON");
}

static void decode_array(lua_State *L, struct decoder *d, int depth) {
  int more = json_enter(&d->scan, ']');
  need_more_slots(L, depth);
  lua_createtable(L, next_size(d, more), 0);
  for (lua_Integer i = 1; more > 0; i++) {
    decode_value(L, d, depth);
    lua_rawseti(L, -2, i);
    more = json_next(&d->scan, ']');
  }
  expect_json(L, more == 0);
  json_mark_array(L);
}

static void decode_object(lua_State *L, struct decoder *d, int depth) {
  struct json_string string;
  int more = json_enter(&d->scan, '}');
  need_more_slots(L, depth);
  lua_createtable(L, 0, next_size(d, more));
  while (more > 0) {
    expect_json(L, json_scan_key(&d->scan, &string) == 0);
    decode_string(L, &string);
    decode_value(L, d, depth); /* table key value */
    lua_rawset(L, -3);
    more = json_next(&d->scan, '}');
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
static void decode_value(lua_State *L, struct decoder *d, int depth) {
  struct json_scan *scan = &d->scan;
  struct json_string string;
  expect_json(L, scan->at < scan->end && depth <= JSON_MAX_DEPTH);
  switch (*scan->at) {
  case '"':
    expect_json(L, json_scan_string(scan, &string) == 0);
    decode_string(L, &string);
    break;
  case '{':
    decode_object(L, d, depth + 1);
    break;
  case '[':
    decode_array(L, d, depth + 1);
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

void json_decode_sized(lua_State *L, const char *text, size_t len,
                       const struct json_look *look) {
  struct decoder d = {{text, text + len}, look, 0};
  need_more_slots(L, 0);
  json_skip_space(&d.scan);
  decode_value(L, &d, 0);
}

void json_decode(lua_State *L, const char *text, size_t len) {
  static const struct json_look nobody_looked = {0};
  json_decode_sized(L, text, len, &nobody_looked);
}
