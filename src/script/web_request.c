/* SPDX-License-Identifier: MIT
 * Requests of plain HTTP become tables. */
#include "script/web_request.h"

#include "script/json.h"
#include "script/web_paths.h"
#include "wire/escape.h"

#include <lauxlib.h>
#include <string.h>

static void set_text(lua_State *L, const char *key, struct slice text) {
  lua_pushlstring(L, text.at, text.len);
  lua_setfield(L, -2, key);
}

/* `form`: a plus is a blank. */
static void push_decoded(lua_State *L, struct slice text, bool form) {
  luaL_Buffer buffer;
  char *out = luaL_buffinitsize(L, &buffer, text.len);
  luaL_pushresultsize(&buffer, escape_decode(text, form, out));
}

/* "a=1&b=2": of a name that comes twice the last value counts, as in JSON. */
static void push_query(lua_State *L, struct slice query) {
  lua_newtable(L);
  while (query.len > 0) {
    const char *end = memchr(query.at, '&', query.len);
    size_t len = end ? (size_t)(end - query.at) : query.len;
    const char *sign = memchr(query.at, '=', len);
    size_t name = sign ? (size_t)(sign - query.at) : len;
    if (len > 0) {
      push_decoded(L, (struct slice){query.at, name}, true);
      push_decoded(L,
                   (struct slice){query.at + name + (sign != NULL),
                                  len - name - (sign != NULL)},
                   true);
      lua_rawset(L, -3);
    }
    query = slice_after(query, len + (end != NULL));
  }
}

static void push_headers(lua_State *L, const char *packed) {
  lua_newtable(L);
  while (packed && *packed) {
    const char *value = packed + strlen(packed) + 1;
    lua_pushstring(L, value);
    lua_setfield(L, -2, packed);
    packed = value + strlen(value) + 1;
  }
}

/* What the names in the handler's path stand for. */
static void push_params(lua_State *L, const struct web_request *request) {
  struct slice pattern = web_path_of(request->handler), path = request->raw;
  lua_newtable(L);
  if (!web_path_has_names(request->handler))
    return;
  while (pattern.len > 0 && path.len > 0) {
    struct slice name = web_path_part(&pattern), part = web_path_part(&path);
    if (name.len == 0 || name.at[0] != ':')
      continue;
    lua_pushlstring(L, name.at + 1, name.len - 1);
    push_decoded(L, part, false);
    lua_rawset(L, -3);
  }
}

void web_request_push(lua_State *L, const struct web_request *request) {
  lua_createtable(L, 0, 9);
  set_text(L, "method", request->method);
  set_text(L, "path", request->path);
  set_text(L, "target", request->target);
  set_text(L, "ip", request->ip);
  set_text(L, "body", request->body);
  push_params(L, request);
  lua_setfield(L, -2, "params");
  push_query(L, request->query);
  lua_setfield(L, -2, "query");
  push_headers(L, request->headers);
  lua_setfield(L, -2, "headers");
  if (request->has_data) {
    json_decode(L, request->body.at, request->body.len);
    lua_setfield(L, -2, "data");
  }
}
