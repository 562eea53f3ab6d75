/* SPDX-License-Identifier: MIT
 * Plain data as bytes.
 *
 * A value is a tag and what belongs to it: an integer as a varint whose last
 * bit is the sign, a float as its 8 bytes, a string as the varint of its
 * length and its bytes; a table as the two sizes that it is to be made with,
 * and so many pairs.
 *
 * The state that is read from may not be the one that waits, in a protected
 * call, for errors. So it is only asked in ways that neither allocate nor
 * raise: types, raw lua_next over tables that nobody changes, strings that
 * are strings. */
#include "script/pack.h"

#include "script/budget.h"
#include "script/json_mark.h"
#include "script/json_view.h"

#include <lauxlib.h>
#include <stdint.h>

/* Tables between two looks at the clock, as in script/json. */
enum { TABLES_A_LOOK = 8 };

enum { DEPTH_MAX = 64, STACK_SLOTS = 4, ERROR_SLOTS = 8, VARINT_BYTES = 10 };

enum tag {
  TAG_NIL,
  TAG_FALSE,
  TAG_TRUE,
  TAG_NULL, /* json.null */
  TAG_INTEGER,
  TAG_FLOAT,
  TAG_STRING,
  TAG_TABLE,
  TAG_ARRAY, /* a table with the mark of json.array */
};

/* A table is made for `list` values with keys 1 to n and `rest` others, so
 * that it need not grow. A Lua state cannot have the memory for more. */
struct sizes {
  uint32_t list, rest;
};

/* --- writing ------------------------------------------------------------ */

struct writer {
  lua_State *from, *raise;
  struct buf *out;
  const char *name;
  size_t max, end; /* the value's limit; that of out->len */
  struct budget *budget;
  unsigned tables; /* begun so far */
};

/* Where a value is, for error texts; on the C stack, innermost first. NULL is
 * the whole value. */
struct path {
  const struct path *outer;
  int key; /* absolute index of the key in writer->from */
};

static void write_plain(struct writer *w, int index, const struct path *path,
                        int depth);

static void push_pack_path(const struct writer *w, const struct path *path) {
  lua_State *from = w->from, *to = w->raise;
  if (!path) {
    lua_pushstring(to, w->name);
    return;
  }
  push_pack_path(w, path->outer);
  switch (lua_type(from, path->key)) {
  case LUA_TSTRING:
    lua_pushfstring(to, ".%s", lua_tostring(from, path->key));
    break;
  case LUA_TNUMBER:
    if (lua_isinteger(from, path->key))
      lua_pushfstring(to, "[%I]", (LUAI_UACINT)lua_tointeger(from, path->key));
    else
      lua_pushfstring(to, "[%f]", lua_tonumber(from, path->key));
    break;
  default:
    lua_pushfstring(to, "[a %s]",
                    lua_typename(from, lua_type(from, path->key)));
  }
  lua_concat(to, 2);
}

static void fail_pack(const struct writer *w, const struct path *path,
                      const char *what) {
  luaL_checkstack(w->raise, ERROR_SLOTS, w->name);
  push_pack_path(w, path);
  luaL_error(w->raise, "%s: a %s is not plain data", lua_tostring(w->raise, -1),
             what);
}

/* Raises when `more` bytes would be too many. Also what ends a value that
 * holds the same tables over and over. */
static void check_pack_room(const struct writer *w, size_t more) {
  if (w->out->len > w->end || more > w->end - w->out->len) {
    luaL_checkstack(w->raise, ERROR_SLOTS, w->name);
    luaL_error(w->raise, "%s: more than %I bytes of data", w->name,
               (LUAI_UACINT)w->max);
  }
}

static void write_plain_tag(struct writer *w, enum tag tag) {
  buf_putc(w->out, (char)tag);
}

static void write_plain_varint(struct writer *w, uint64_t n) {
  char *at = buf_reserve(w->out, VARINT_BYTES), *start = at;
  for (; n >= 0x80; n >>= 7)
    *at++ = (char)(unsigned char)(n | 0x80);
  *at++ = (char)n;
  w->out->len += (size_t)(at - start);
}

static void write_plain_number(struct writer *w, int index) {
  if (lua_isinteger(w->from, index)) {
    uint64_t n = (uint64_t)lua_tointeger(w->from, index);
    write_plain_tag(w, TAG_INTEGER);
    write_plain_varint(w, n >> 63 ? ~(n << 1) : n << 1);
  } else {
    lua_Number number = lua_tonumber(w->from, index);
    write_plain_tag(w, TAG_FLOAT);
    buf_put(w->out, &number, sizeof number);
  }
}

static void write_plain_string(struct writer *w, int index) {
  size_t len;
  const char *text = lua_tolstring(w->from, index, &len);
  check_pack_room(w, len);
  write_plain_tag(w, TAG_STRING);
  write_plain_varint(w, len);
  buf_put(w->out, text, len);
}

static void write_plain_table(struct writer *w, int table,
                              const struct path *path, int depth) {
  lua_State *from = w->from;
  uint32_t pairs = 0, integers = 0;
  if (depth >= DEPTH_MAX)
    fail_pack(w, path, "table inside itself, or too deep,");
  if (++w->tables % TABLES_A_LOOK == 0 && w->budget)
    budget_check(w->budget, w->raise);
  if (!lua_checkstack(from, STACK_SLOTS))
    luaL_error(w->raise, "not enough memory");
  write_plain_tag(w, json_is_array(from, table) ? TAG_ARRAY : TAG_TABLE);
  size_t head = w->out->len;
  buf_reserve(w->out, sizeof(struct sizes));
  w->out->len += sizeof(struct sizes);
  for (lua_pushnil(from); lua_next(from, table); lua_pop(from, 1)) {
    int key = lua_gettop(from) - 1;
    struct path inner = {path, key};
    write_plain(w, key, &inner, depth + 1);
    write_plain(w, key + 1, &inner, depth + 1);
    pairs++;
    integers += (uint32_t)lua_isinteger(from, key);
  }
  /* The length of a table with holes may be far more than it holds. */
  size_t list = lua_rawlen(from, table);
  struct sizes sizes = {.list = list < integers ? (uint32_t)list : integers};
  sizes.rest = pairs - sizes.list;
  memcpy(w->out->data + head, &sizes, sizeof sizes);
}

/* json.null is NULL; other pointers mean nothing, or an empty array. */
static void write_plain_pointer(struct writer *w, int index,
                                const struct path *path) {
  static const struct sizes none = {0, 0};
  if (!lua_touserdata(w->from, index)) {
    write_plain_tag(w, TAG_NULL);
    return;
  }
  if (!json_is_empty_array(w->from, index))
    fail_pack(w, path, "light userdata");
  write_plain_tag(w, TAG_ARRAY);
  buf_put(w->out, &none, sizeof none);
}

static void write_plain(struct writer *w, int index, const struct path *path,
                        int depth) {
  int type = lua_type(w->from, index);
  switch (type) {
  case LUA_TNIL:
    write_plain_tag(w, TAG_NIL);
    break;
  case LUA_TBOOLEAN:
    write_plain_tag(w, lua_toboolean(w->from, index) ? TAG_TRUE : TAG_FALSE);
    break;
  case LUA_TNUMBER:
    write_plain_number(w, index);
    break;
  case LUA_TSTRING:
    write_plain_string(w, index);
    break;
  case LUA_TLIGHTUSERDATA:
    write_plain_pointer(w, index, path);
    break;
  case LUA_TTABLE:
    write_plain_table(w, index, path, depth);
    break;
  default:
    fail_pack(w, path,
              json_view_at(w->from, index) ? "view"
                                           : lua_typename(w->from, type));
  }
  check_pack_room(w, 0);
}

void pack_write(const struct pack_from *from, lua_State *raise,
                struct buf *out) {
  struct writer w = {.from = from->L,
                     .raise = raise,
                     .out = out,
                     .name = from->name,
                     .max = from->max,
                     .budget = from->budget,
                     .end = out->len + from->max};
  write_plain(&w, from->index, NULL, 0);
}

/* --- reading ------------------------------------------------------------ */

static const char *read_plain(lua_State *L, const char *at);

static const char *read_plain_varint(const char *at, uint64_t *n) {
  int shift = 0;
  for (*n = 0; *at & 0x80; shift += 7)
    *n |= (uint64_t)(*at++ & 0x7f) << shift;
  *n |= (uint64_t)*at++ << shift;
  return at;
}

static const char *read_plain_integer(lua_State *L, const char *at) {
  uint64_t n;
  at = read_plain_varint(at, &n);
  lua_Integer half = (lua_Integer)(n >> 1);
  lua_pushinteger(L, n & 1 ? ~half : half);
  return at;
}

static const char *read_plain_float(lua_State *L, const char *at) {
  lua_Number number;
  memcpy(&number, at, sizeof number);
  lua_pushnumber(L, number);
  return at + sizeof number;
}

static const char *read_plain_string(lua_State *L, const char *at) {
  uint64_t len;
  at = read_plain_varint(at, &len);
  lua_pushlstring(L, at, len);
  return at + len;
}

static const char *read_plain_table(lua_State *L, const char *at,
                                    bool is_array) {
  struct sizes sizes;
  memcpy(&sizes, at, sizeof sizes);
  at += sizeof sizes;
  luaL_checkstack(L, STACK_SLOTS, "plain data");
  lua_createtable(L, (int)sizes.list, (int)sizes.rest);
  if (is_array)
    json_mark_array(L);
  for (uint32_t i = sizes.list + sizes.rest; i > 0; i--) {
    at = read_plain(L, at);
    at = read_plain(L, at); /* table key value */
    lua_rawset(L, -3);
  }
  return at;
}

/* Pushes the value at `at` and returns where the next one begins. */
static const char *read_plain(lua_State *L, const char *at) {
  enum tag tag = (enum tag) * at++;
  switch (tag) {
  case TAG_NIL:
    lua_pushnil(L);
    return at;
  case TAG_FALSE:
  case TAG_TRUE:
    lua_pushboolean(L, tag == TAG_TRUE);
    return at;
  case TAG_NULL:
    lua_pushlightuserdata(L, NULL);
    return at;
  case TAG_INTEGER:
    return read_plain_integer(L, at);
  case TAG_FLOAT:
    return read_plain_float(L, at);
  case TAG_STRING:
    return read_plain_string(L, at);
  default:
    return read_plain_table(L, at, tag == TAG_ARRAY);
  }
}

void pack_read(lua_State *L) {
  luaL_checkstack(L, STACK_SLOTS, "plain data");
  read_plain(L, lua_tostring(L, -1));
  lua_remove(L, -2);
}

/* --- looking ------------------------------------------------------------ */

/* What is left. */
struct look {
  const unsigned char *at, *end;
};

static bool look_at_value(struct look *look, int depth);

static bool skip_packed(struct look *look, uint64_t count) {
  if (count > (uint64_t)(look->end - look->at))
    return false;
  look->at += count;
  return true;
}

static bool look_at_varint(struct look *look, uint64_t *n) {
  *n = 0;
  for (int shift = 0; shift < 64 && look->at < look->end; shift += 7) {
    *n |= (uint64_t)(*look->at & 0x7f) << shift;
    if (!(*look->at++ & 0x80))
      return true;
  }
  return false;
}

/* nil and NaN are no keys. */
static bool look_at_key(struct look *look, int depth) {
  lua_Number number;
  if (look->at == look->end || *look->at == TAG_NIL)
    return false;
  if (*look->at == TAG_FLOAT &&
      look->end - look->at > (ptrdiff_t)sizeof number) {
    memcpy(&number, look->at + 1, sizeof number);
    if (number != number)
      return false;
  }
  return look_at_value(look, depth);
}

/* A pair has two bytes at least: no table is made for more than there are. */
static bool look_at_table(struct look *look, int depth) {
  struct sizes sizes;
  const unsigned char *head = look->at;
  if (depth >= DEPTH_MAX || !skip_packed(look, sizeof sizes))
    return false;
  memcpy(&sizes, head, sizeof sizes);
  uint64_t pairs = (uint64_t)sizes.list + sizes.rest;
  if (pairs > (uint64_t)(look->end - look->at) / 2)
    return false;
  for (; pairs > 0; pairs--)
    if (!look_at_key(look, depth + 1) || !look_at_value(look, depth + 1))
      return false;
  return true;
}

static bool look_at_value(struct look *look, int depth) {
  uint64_t n;
  if (look->at == look->end)
    return false;
  switch ((enum tag) * look->at++) {
  case TAG_NIL:
  case TAG_FALSE:
  case TAG_TRUE:
  case TAG_NULL:
    return true;
  case TAG_INTEGER:
    return look_at_varint(look, &n);
  case TAG_FLOAT:
    return skip_packed(look, sizeof(lua_Number));
  case TAG_STRING:
    return look_at_varint(look, &n) && skip_packed(look, n);
  case TAG_TABLE:
  case TAG_ARRAY:
    return look_at_table(look, depth);
  }
  return false;
}

bool pack_is_valid(const char *bytes, size_t len) {
  const unsigned char *start = (const unsigned char *)bytes;
  struct look look = {start, start + len};
  return len > 0 && look_at_value(&look, 0) && look.at == look.end;
}
