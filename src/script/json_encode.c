/* SPDX-License-Identifier: MIT
 * Lua values to JSON.
 *
 * The encoder recurses at most JSON_MAX_DEPTH deep, and keeps one step for each
 * level, from which an error tells the path. It does not remember which tables
 * it has seen: a value that contains itself becomes too deep, and only then is
 * it looked at which of the two it is. Tables that hold each other many times
 * over are a tree of any size: the bound in bytes ends that, and the clock. */
#include "script/json.h"

#include "base/utf8.h"
#include "script/budget.h"
#include "script/json_mark.h"
#include "script/json_view.h"
#include "wire/json.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* A key in the path of an error is cut after so many bytes. */
enum { PATH_KEY = 64 };

/* What one byte of a string may become: \u0000. */
enum { ESCAPE_BYTES = 6 };

/* Tables between two looks at the clock. A table that was large once and is
 * empty now is walked through all the same: some 20 ms without a byte. */
enum { TABLES_A_LOOK = 8 };

/* Slots of the stack that a level of tables needs, for a key and a value, and
 * those for looking at one. Tables ask for so many levels at a time; what is
 * none, and is sent, needs no slot. */
enum { LEVEL_SLOTS = 2, VALUE_SLOTS = 6, LEVELS = 4 };

/* Where in a table the encoder is. */
struct step {
  int table;         /* stack index */
  int key;           /* stack index of the string key; 0: see `index` */
  lua_Integer index; /* of an array */
};

struct encoder {
  lua_State *L;
  struct buf *out;
  const struct json_bound *bound;
  size_t end;       /* what out->len may become */
  unsigned tables;  /* begun so far */
  const char *name; /* of the whole value, in error texts */
  int depth;        /* steps taken: tables around the value at hand */
  struct step steps[JSON_MAX_DEPTH];
};

static void encode_value(struct encoder *e, int index);

static void need_slots(lua_State *L) {
  luaL_checkstack(L, LEVELS * LEVEL_SLOTS + VALUE_SLOTS, "JSON");
}

static bool is_identifier(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && (i == 0 || c < '0' || c > '9'))
      return false;
  }
  return len > 0;
}

static void add_step(lua_State *L, luaL_Buffer *path, const struct step *step) {
  size_t len;
  if (step->key == 0) {
    lua_pushfstring(L, "[%I]", (LUAI_UACINT)step->index);
    luaL_addvalue(path);
    return;
  }
  const char *key = lua_tolstring(L, step->key, &len);
  bool plain = is_identifier(key, len);
  luaL_addstring(path, plain ? "." : "[\"");
  luaL_addlstring(path, key, len > PATH_KEY ? PATH_KEY : len);
  if (!plain)
    luaL_addstring(path, "\"]");
}

/* Raises: the path to the value at hand, and what is wrong with it. `what`
 * may be a string on the stack. */
static _Noreturn void fail_encode(struct encoder *e, const char *what) {
  lua_State *L = e->L;
  luaL_Buffer path;
  luaL_checkstack(L, LUA_MINSTACK, "JSON");
  luaL_buffinit(L, &path);
  luaL_addstring(&path, e->name);
  for (int i = 0; i < e->depth; i++)
    add_step(L, &path, &e->steps[i]);
  luaL_pushresult(&path);
  luaL_error(L, "%s: %s", lua_tostring(L, -1), what);
  abort(); /* luaL_error does not return, but is not declared so */
}

/* A table is beyond the last level: does one lie in itself? */
static _Noreturn void fail_depth(struct encoder *e) {
  for (int inner = 1; inner < e->depth; inner++)
    for (int outer = 0; outer < inner; outer++)
      if (lua_rawequal(e->L, e->steps[inner].table, e->steps[outer].table)) {
        e->depth = inner;
        fail_encode(e, "a table that contains itself cannot be sent as JSON");
      }
  fail_encode(e, "more than 64 levels cannot be sent as JSON");
}

static _Noreturn void fail_length(struct encoder *e) {
  e->depth = 0;
  need_slots(e->L);
  lua_pushfstring(e->L,
                  "more than %I bytes of JSON cannot be sent "
                  "(limits.send_bytes)",
                  (LUAI_UACINT)e->bound->bytes);
  fail_encode(e, lua_tostring(e->L, -1));
}

/* Raises if `more` bytes would be too many. */
static void check_json_room(struct encoder *e, size_t more) {
  if (e->out->len > e->end || more > e->end - e->out->len)
    fail_length(e);
}

/* Writes the value at the top of the stack, which `step` leads to. */
static void encode_member(struct encoder *e, struct step step) {
  e->steps[e->depth++] = step;
  encode_value(e, lua_gettop(e->L));
  e->depth--;
}

static void encode_string(struct encoder *e, int index, const char *wrong) {
  size_t len;
  const char *text = lua_tolstring(e->L, index, &len);
  check_json_room(e, len);
  bool is_long = len * ESCAPE_BYTES > e->end - e->out->len;
  if (!is_long && json_put_plain(e->out, text, len))
    return;
  if (!utf8_valid(text, len))
    fail_encode(e, wrong);
  if (is_long)
    check_json_room(e, json_string_len(text, len));
  json_put_string(e->out, text, len);
}

/* Raises because of the key at `index`, which is no key of an array when
 * `array` says so, else none of an object. */
static _Noreturn void fail_encode_key(struct encoder *e, int index,
                                      bool array) {
  lua_State *L = e->L;
  const char *expected =
      array ? "the other keys are 1 to n" : "the other keys are strings";
  if (lua_isinteger(L, index))
    lua_pushfstring(L, "key [%I] cannot be sent as JSON: %s",
                    (LUAI_UACINT)lua_tointeger(L, index), expected);
  else if (lua_type(L, index) == LUA_TSTRING)
    lua_pushfstring(L, "key \"%s\" cannot be sent as JSON: %s",
                    lua_tostring(L, index), expected);
  else
    lua_pushfstring(L, "a %s as key cannot be sent as JSON",
                    luaL_typename(L, index));
  fail_encode(e, lua_tostring(L, -1));
}

/* Raises unless the keys of the table are exactly 1 to n. */
static void check_array_keys(struct encoder *e, int table, lua_Integer n) {
  lua_State *L = e->L;
  lua_Integer count = 0;
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
    lua_Integer key = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
    if (key < 1 || key > n)
      fail_encode_key(e, lua_gettop(L) - 1, true);
    count++;
  }
  if (count == n)
    return;
  lua_Integer hole = 1;
  while (lua_rawgeti(L, table, hole) != LUA_TNIL) {
    lua_pop(L, 1);
    hole++;
  }
  encode_member(e, (struct step){table, 0, hole}); /* nil: raises */
}

static void encode_array(struct encoder *e, int table) {
  lua_State *L = e->L;
  lua_Integer n = (lua_Integer)lua_rawlen(L, table);
  check_json_room(e, (size_t)n); /* a byte each, at least */
  check_array_keys(e, table, n);
  buf_putc(e->out, '[');
  for (lua_Integer i = 1; i <= n; i++) {
    if (i > 1)
      buf_putc(e->out, ',');
    lua_rawgeti(L, table, i);
    encode_member(e, (struct step){table, 0, i});
    lua_pop(L, 1);
  }
  buf_putc(e->out, ']');
}

/* The first key and value of the table are on the stack. */
static void encode_object(struct encoder *e, int table) {
  lua_State *L = e->L;
  int key = lua_gettop(L) - 1;
  char before = '{';
  e->steps[e->depth] = (struct step){table, key, 0};
  do {
    if (lua_type(L, key) != LUA_TSTRING)
      fail_encode_key(e, key, false);
    buf_putc(e->out, before);
    encode_string(e, key, "a key that is not UTF-8 cannot be sent as JSON");
    buf_putc(e->out, ':');
    e->depth++;
    encode_value(e, key + 1);
    e->depth--;
    lua_settop(L, key);
    before = ',';
  } while (lua_next(L, table));
  buf_putc(e->out, '}');
}

static void encode_table(struct encoder *e, int table) {
  lua_State *L = e->L;
  if (e->depth == JSON_MAX_DEPTH)
    fail_depth(e);
  if (++e->tables % TABLES_A_LOOK == 0 && e->bound->budget)
    budget_check(e->bound->budget, L);
  if (e->depth % LEVELS == 0)
    need_slots(L);
  if (json_is_array(L, table)) {
    encode_array(e, table);
    return;
  }
  lua_pushnil(L);
  if (!lua_next(L, table)) {
    buf_put(e->out, "{}", 2);
  } else if (lua_isinteger(L, -2)) {
    lua_pop(L, 2);
    encode_array(e, table);
  } else {
    encode_object(e, table);
  }
}

static void encode_number(struct encoder *e, int index) {
  if (lua_isinteger(e->L, index))
    json_put_int(e->out, lua_tointeger(e->L, index));
  else if (json_put_double(e->out, lua_tonumber(e->L, index)) != 0)
    fail_encode(e, "NaN and infinity cannot be sent as JSON");
}

static _Noreturn void fail_type(struct encoder *e, int index) {
  need_slots(e->L);
  lua_pushfstring(e->L, "a %s cannot be sent as JSON",
                  luaL_typename(e->L, index));
  fail_encode(e, lua_tostring(e->L, -1));
}

/* json.null is NULL; other pointers mean nothing, or an empty array. */
static void encode_pointer(struct encoder *e, int index) {
  need_slots(e->L);
  if (!lua_touserdata(e->L, index))
    buf_put(e->out, "null", 4);
  else if (json_is_empty_array(e->L, index))
    buf_put(e->out, "[]", 2);
  else
    fail_type(e, index);
}

/* Whether the text may go on as it stands: whoever reads it, line by line also,
 * reads what a table would have become. To some readers of lines, one ends at a
 * \r alone. */
static bool is_clear(const struct json_part *part, int depth) {
  return part->look.once && part->look.levels + depth <= JSON_MAX_DEPTH &&
         !memchr(part->text, '\n', part->len) &&
         !memchr(part->text, '\r', part->len);
}

/* The bytes of a view go on as they came; what is not clear in them is made so,
 * by way of a table. */
static void encode_view(struct encoder *e, int index) {
  const struct json_part *part = json_view_at(e->L, index);
  if (!part)
    fail_type(e, index);
  if (e->out->len + part->len <= e->end && is_clear(part, e->depth)) {
    buf_put(e->out, part->text, part->len);
    return;
  }
  json_decode(e->L, part->text, part->len);
  encode_value(e, lua_gettop(e->L));
  lua_pop(e->L, 1);
}

static void encode_value(struct encoder *e, int index) {
  lua_State *L = e->L;
  switch (lua_type(L, index)) {
  case LUA_TSTRING:
    encode_string(e, index,
                  "a string that is not UTF-8 cannot be sent as "
                  "JSON");
    break;
  case LUA_TNUMBER:
    encode_number(e, index);
    break;
  case LUA_TBOOLEAN:
    buf_puts(e->out, lua_toboolean(L, index) ? "true" : "false");
    break;
  case LUA_TTABLE:
    encode_table(e, index);
    break;
  case LUA_TNIL:
    if (e->depth > 0)
      fail_encode(e, "nil in an array cannot be sent as JSON, use json.null");
    buf_put(e->out, "null", 4);
    break;
  case LUA_TLIGHTUSERDATA:
    encode_pointer(e, index);
    break;
  case LUA_TUSERDATA:
    encode_view(e, index);
    break;
  default:
    fail_type(e, index);
  }
  check_json_room(e, 0);
}

void json_encode_named(lua_State *L, int index, struct buf *out,
                       const struct json_bound *bound, const char *name) {
  struct encoder e; /* the steps are filled as they are taken */
  e.L = L;
  e.out = out;
  e.bound = bound;
  e.end = out->len + bound->bytes;
  e.tables = 0;
  e.name = name;
  e.depth = 0;
  encode_value(&e, lua_absindex(L, index));
}

void json_encode(lua_State *L, int index, struct buf *out,
                 const struct json_bound *bound) {
  json_encode_named(L, index, out, bound, "data");
}

void json_check_utf8(lua_State *L, int index) {
  size_t len;
  const char *text = lua_tolstring(L, index, &len);
  if (!utf8_valid(text, len))
    luaL_error(L, "a string that is not UTF-8 cannot be sent as JSON");
}
