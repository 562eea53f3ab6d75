/* SPDX-License-Identifier: MIT
 * A Lua value of a configuration file, written as JSON. */
#include "config/vars.h"

#include "base/utf8.h"

#include <lauxlib.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

static void write_value(lua_State *L, struct buf *out, int depth);

static void write_string(lua_State *L, int index, struct buf *out) {
  size_t len;
  const char *text = lua_tolstring(L, index, &len);
  buf_putc(out, '"');
  while (len > 0) {
    unsigned char c = (unsigned char)*text;
    size_t n = utf8_char(text, len);
    if (n == 0)
      luaL_error(L, "vars: a text is not UTF-8");
    if (c < 0x20 || c == 0x7f)
      buf_printf(out, "\\u%04x", c);
    else if (c == '"' || c == '\\')
      buf_printf(out, "\\%c", c);
    else
      buf_put(out, text, n);
    text += n;
    len -= n;
  }
  buf_putc(out, '"');
}

static void write_number(lua_State *L, struct buf *out) {
  if (lua_isinteger(L, -1)) {
    buf_printf(out, LUA_INTEGER_FMT, lua_tointeger(L, -1));
    return;
  }
  double n = lua_tonumber(L, -1);
  char text[40];
  if (!isfinite(n))
    luaL_error(L, "vars: a number is not finite");
  snprintf(text, sizeof text, "%.15g", n);
  if (strtod(text, NULL) != n)
    snprintf(text, sizeof text, "%.17g", n);
  buf_puts(out, text);
  if (strcspn(text, ".e") == strlen(text))
    buf_puts(out, ".0"); /* a float stays one */
}

/* The number of elements if the keys of the table are exactly 1…n, else 0. */
static lua_Integer array_len(lua_State *L) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, -1), count = 0;
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
    count++;
  return count == n ? n : 0;
}

static void write_array(lua_State *L, lua_Integer n, struct buf *out,
                        int depth) {
  buf_putc(out, '[');
  for (lua_Integer i = 1; i <= n; i++) {
    if (i > 1)
      buf_putc(out, ',');
    lua_rawgeti(L, -1, i);
    write_value(L, out, depth);
    lua_pop(L, 1);
  }
  buf_putc(out, ']');
}

static void write_object(lua_State *L, struct buf *out, int depth) {
  int first = 1;
  buf_putc(out, '{');
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      luaL_error(L, "vars: the keys of a table are neither 1…n nor texts");
    if (!first)
      buf_putc(out, ',');
    first = 0;
    write_string(L, -2, out);
    buf_putc(out, ':');
    write_value(L, out, depth);
  }
  buf_putc(out, '}');
}

static void write_table(lua_State *L, struct buf *out, int depth) {
  if (depth >= DEPTH_MAX)
    luaL_error(L, "vars: tables are nested too deeply, or in a circle");
  luaL_checkstack(L, 4, NULL);
  lua_Integer n = array_len(L);
  if (n > 0)
    write_array(L, n, out, depth + 1);
  else
    write_object(L, out, depth + 1);
}

static void write_value(lua_State *L, struct buf *out, int depth) {
  switch (lua_type(L, -1)) {
  case LUA_TSTRING:
    write_string(L, -1, out);
    break;
  case LUA_TNUMBER:
    write_number(L, out);
    break;
  case LUA_TBOOLEAN:
    buf_puts(out, lua_toboolean(L, -1) ? "true" : "false");
    break;
  case LUA_TTABLE:
    write_table(L, out, depth);
    break;
  default:
    luaL_error(L, "vars: a %s has no JSON form", luaL_typename(L, -1));
  }
}

void vars_write(lua_State *L, struct buf *out) {
  write_value(L, out, 0);
}
