/* SPDX-License-Identifier: MIT
 * The option table of perigee.fetch. Each line is an option: its name, `=`, a
 * letter for the type, the value; a table has `name:value` between `|`. What
 * is accepted must be a request that can be sent. */
#include "script/fetch_options.h"
#include "script/json.h"
#include "script/json_mark.h"
#include "wire/json.h"

#include <lauxlib.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
  const char *text;
  size_t len;
  struct buf *scratch;
};

static void push_table(lua_State *L, const char *text, size_t len) {
  const char *end = text + len;
  lua_newtable(L);
  while (text < end) {
    const char *next = memchr(text, '|', (size_t)(end - text));
    if (!next)
      next = end;
    const char *colon = memchr(text, ':', (size_t)(next - text));
    if (!colon)
      colon = next;
    lua_pushlstring(L, text, (size_t)(colon - text));
    if (colon < next)
      colon++;
    lua_pushlstring(L, colon, (size_t)(next - colon));
    lua_rawset(L, -3);
    text = next < end ? next + 1 : end;
  }
}

static void push_value(lua_State *L, char type, const char *text, size_t len) {
  switch (type) {
  case 'n':
    lua_pushlstring(L, text, len);
    if (!lua_stringtonumber(L, lua_tostring(L, -1)))
      lua_pushnumber(L, 0.0 / 0.0);
    break;
  case 'b':
    lua_pushboolean(L, len > 0);
    break;
  case 't':
    push_table(L, text, len);
    break;
  case 'j':
    if (json_check(text, len, NULL) == 0)
      json_decode(L, text, len);
    else
      lua_newtable(L);
    break;
  default:
    lua_pushlstring(L, text, len);
  }
}

/* Sets the option of one line in the table on top. */
static void set_option(lua_State *L, const char *line, size_t len) {
  const char *equals = memchr(line, '=', len);
  size_t name = equals ? (size_t)(equals - line) : len;
  int table = lua_gettop(L);
  lua_pushlstring(L, line, name);
  if (name + 2 <= len)
    push_value(L, line[name + 1], line + name + 2, len - name - 2);
  else
    lua_newtable(L);
  lua_pushvalue(L, table + 1);
  lua_pushvalue(L, -2);
  lua_rawset(L, table);
  lua_settop(L, table);
}

static void check_request(const struct fetch_request *request) {
  const char *at = request->headers.text, *end = at + request->headers.len;
  int texts = 0;
  for (; at < end; at += strlen(at) + 1, texts++)
    if (strpbrk(at, "\r\n") || (texts % 2 == 0 && strpbrk(at, ": ")))
      abort();
  if (at != end || texts % 2 != 0)
    abort();
  if (!request->method || !*request->method || !request->timeout_ms ||
      !request->connect_timeout_ms || request->redirects < 0)
    abort();
  if (request->body_type && json_check(request->body, request->body_len, NULL))
    abort();
}

static int check(lua_State *L) {
  const struct input *input = lua_touserdata(L, 1);
  const char *at = input->text, *end = at + input->len;
  static const struct json_bound bound = {.bytes = 65536};
  struct fetch_request request = {0};
  lua_settop(L, 0);
  lua_newtable(L);
  while (at < end) {
    const char *next = memchr(at, '\n', (size_t)(end - at));
    if (!next)
      next = end;
    set_option(L, at, (size_t)(next - at));
    at = next < end ? next + 1 : end;
  }
  fetch_options_check(L, 1, input->scratch, &bound, &request);
  check_request(&request);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static lua_State *L;
  static struct buf scratch;
  struct input input = {size ? (const char *)data : "", size, &scratch};
  if (!L) {
    L = luaL_newstate();
    json_setup(L);
  }
  lua_pushcfunction(L, check);
  lua_pushlightuserdata(L, &input);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK &&
      !strstr(lua_tostring(L, -1), "fetch: "))
    abort();
  lua_settop(L, 0);
  return 0;
}
