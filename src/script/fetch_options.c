/* SPDX-License-Identifier: MIT
 * The option table of perigee.fetch.
 *
 * Nothing here allocates in Lua unless it is about to raise: a garbage
 * collection could run finalizers of scripts, and these write into the same
 * buffer. So options are found by walking the table, and texts are used where
 * they are. */
#include "script/fetch_options.h"

#include "config/suggest.h"
#include "script/json.h"
#include "trace/span.h"

#include <inttypes.h>

#include <lauxlib.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <strings.h>

enum {
  TIMEOUT_MS = 10000,
  CONNECT_TIMEOUT_MS = 5000,
  SECONDS_MAX = 3600,
  REDIRECTS_MAX = 20,
  MAX_BYTES = 1 << 20,
  MAX_BYTES_MAX = 1 << 28,
  METHOD_BYTES = 32,
};

/* Where in the buffer the texts are, which may move while it grows. */
struct reading {
  struct fetch_request *request;
  struct buf *text;
  const struct json_bound *bound; /* of opts.json */
  size_t headers_at, headers_len, json_at, json_len;
  bool has_json;
};

/* Raises: what the option on top of the stack must be, and what it is. */
static void fail_option(lua_State *L, const char *option, const char *must_be) {
  const char *is = lua_type(L, -1) == LUA_TNUMBER
                       ? luaL_tolstring(L, -1, NULL)
                       : lua_pushfstring(L, "a %s", luaL_typename(L, -1));
  luaL_error(L, "perigee.fetch: opts.%s must be %s, not %s", option, must_be,
             is);
}

static lua_Integer check_integer(lua_State *L, const char *option,
                                 lua_Integer max, const char *must_be) {
  int whole = 0;
  lua_Integer value =
      lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &whole) : 0;
  if (!whole || value < 0 || value > max)
    fail_option(L, option, must_be);
  return value;
}

/* In milliseconds, at least one. */
static uint64_t check_timeout(lua_State *L, const char *option) {
  double seconds = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
  if (!(seconds > 0 && seconds <= SECONDS_MAX))
    fail_option(L, option, "a number of seconds, more than 0 and at most 3600");
  return (uint64_t)ceil(seconds * 1000.0);
}

/* --- headers ------------------------------------------------------------ */

/* Whether it is a token of HTTP: what a header's name may be. */
static bool is_header_name(const char *text, size_t len) {
  static const char marks[] = "!#$%&'*+-.^_`|~";
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                 (c >= '0' && c <= '9');
    if (!plain && (c == 0 || !strchr(marks, c)))
      return false;
  }
  return len > 0;
}

/* Line breaks would begin a header, or a request, of somebody else. */
static bool is_header_value(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f)
      return false;
  }
  return true;
}

/* These say how the message is sent, which is not for scripts to say. */
static bool is_own_header(const char *name) {
  static const char *const ours[] = {"connection", "content-length", "expect",
                                     "transfer-encoding", "upgrade"};
  for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
    if (!strcasecmp(name, ours[i]))
      return true;
  return false;
}

/* Appends the value on top, of the header `name`, and a zero byte. */
static void add_request_value(lua_State *L, struct buf *out, const char *name) {
  size_t len = 0;
  char number[32];
  const char *value = number;
  if (lua_isinteger(L, -1))
    len = (size_t)snprintf(number, sizeof number, "%" PRId64,
                           (int64_t)lua_tointeger(L, -1));
  else if (lua_type(L, -1) == LUA_TSTRING)
    value = lua_tolstring(L, -1, &len);
  else
    luaL_error(L, "perigee.fetch: opts.headers: %s must be a string, not %s",
               name, luaL_typename(L, -1));
  if (!is_header_value(value, len))
    luaL_error(L,
               "perigee.fetch: opts.headers: %s has a control character in it",
               name);
  buf_put(out, value, len);
  buf_putc(out, 0);
}

/* The name is below the value, which is on top. */
static void add_request_header(lua_State *L, struct buf *out) {
  size_t len = 0;
  if (lua_type(L, -2) != LUA_TSTRING)
    luaL_error(L, "perigee.fetch: opts.headers has a %s as a name",
               luaL_typename(L, -2));
  const char *name = lua_tolstring(L, -2, &len);
  if (!is_header_name(name, len))
    luaL_error(
        L, "perigee.fetch: opts.headers: a name has only letters, digits and "
           "some marks like '-'");
  if (is_own_header(name))
    luaL_error(L, "perigee.fetch: opts.headers: %s is written by fetch itself",
               name);
  buf_put(out, name, len + 1);
  add_request_value(L, out, name);
}

static void read_headers(lua_State *L, struct reading *reading) {
  if (!lua_istable(L, -1))
    fail_option(L, "headers", "a table");
  int table = lua_gettop(L);
  reading->headers_at = reading->text->len;
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
    add_request_header(L, reading->text);
  reading->headers_len = reading->text->len - reading->headers_at;
}

/* --- the other options -------------------------------------------------- */

static void read_method(lua_State *L, struct reading *reading) {
  const char *must_be = "a word in capitals, like \"PUT\"";
  size_t len = 0;
  const char *method =
      lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : "";
  if (len == 0 || len > METHOD_BYTES ||
      strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != len)
    fail_option(L, "method", must_be);
  reading->request->method = method;
}

static void read_body(lua_State *L, struct reading *reading) {
  if (lua_type(L, -1) != LUA_TSTRING)
    fail_option(L, "body", "a string");
  reading->request->body = lua_tolstring(L, -1, &reading->request->body_len);
}

static void read_json(lua_State *L, struct reading *reading) {
  reading->has_json = true;
  reading->json_at = reading->text->len;
  json_encode_named(L, lua_gettop(L), reading->text, reading->bound,
                    "perigee.fetch: opts.json");
  reading->json_len = reading->text->len - reading->json_at;
}

static void read_timeout(lua_State *L, struct reading *reading) {
  reading->request->timeout_ms = check_timeout(L, "timeout");
}

static void read_connect_timeout(lua_State *L, struct reading *reading) {
  reading->request->connect_timeout_ms = check_timeout(L, "connect_timeout");
}

static void read_redirects(lua_State *L, struct reading *reading) {
  reading->request->redirects = (int)check_integer(
      L, "redirects", REDIRECTS_MAX, "a whole number from 0 to 20");
}

static void read_max_bytes(lua_State *L, struct reading *reading) {
  reading->request->max_bytes = (size_t)check_integer(
      L, "max_bytes", MAX_BYTES_MAX, "a whole number from 0 to 268435456");
}

static const struct option {
  const char *name;
  void (*read)(lua_State *L, struct reading *reading); /* value on top */
} options[] = {
    {"method", read_method},       {"headers", read_headers},
    {"body", read_body},           {"json", read_json},
    {"timeout", read_timeout},     {"connect_timeout", read_connect_timeout},
    {"redirects", read_redirects}, {"max_bytes", read_max_bytes},
};

static void fail_unknown(lua_State *L, const char *name) {
  struct suggest suggest = {.typed = name};
  for (size_t i = 0; i < ARRAY_SIZE(options); i++)
    suggest_try(&suggest, options[i].name);
  if (suggest.best)
    luaL_error(L, "perigee.fetch: there is no opts.%s; did you mean opts.%s?",
               name, suggest.best);
  luaL_error(L, "perigee.fetch: there is no opts.%s", name);
}

/* The key is below the value, which is on top. */
static void read_option(lua_State *L, struct reading *reading) {
  if (lua_type(L, -2) != LUA_TSTRING)
    luaL_error(L, "perigee.fetch: opts has a %s as a key",
               luaL_typename(L, -2));
  const char *name = lua_tostring(L, -2);
  for (size_t i = 0; i < ARRAY_SIZE(options); i++)
    if (!strcmp(name, options[i].name)) {
      options[i].read(L, reading);
      return;
    }
  fail_unknown(L, name);
}

/* What no option says alone; after all of them. */
static void check_together(lua_State *L, const struct reading *reading) {
  struct fetch_request *request = reading->request;
  if (reading->has_json && request->body)
    luaL_error(L,
               "perigee.fetch: opts.body and opts.json cannot both be given");
  bool has_body = reading->has_json || request->body;
  if (!request->method)
    request->method = has_body ? "POST" : "GET";
  if (has_body && !strcmp(request->method, "HEAD"))
    luaL_error(L, "perigee.fetch: a HEAD request has no body");
  if (request->redirects > 0 && strcmp(request->method, "GET") != 0 &&
      strcmp(request->method, "HEAD") != 0 &&
      strcmp(request->method, "POST") != 0)
    luaL_error(
        L, "perigee.fetch: opts.redirects goes with GET, HEAD and POST only");
}

static bool has_header(const struct reading *reading, const char *name) {
  const char *at = reading->text->data + reading->headers_at;
  const char *end = at + reading->headers_len;
  while (at < end) {
    if (!strcasecmp(at, name))
      return true;
    at += strlen(at) + 1;
    at += strlen(at) + 1;
  }
  return false;
}

/* The message that is handled belongs to a trace: so does the request, unless
 * the script says another one. */
static void add_traceparent(struct reading *reading) {
  static const char name[] = "traceparent";
  char value[TRACEPARENT_BYTES + 1];
  struct buf *text = reading->text;
  if (!span_traceparent(value) ||
      (reading->headers_len > 0 && has_header(reading, name)))
    return;
  size_t at = text->len;
  char *to = buf_reserve(text, reading->headers_len); /* it moves now or not */
  memcpy(to, text->data + reading->headers_at, reading->headers_len);
  text->len += reading->headers_len;
  buf_put(text, name, sizeof name);
  buf_put(text, value, sizeof value);
  reading->headers_at = at;
  reading->headers_len = text->len - at;
}

void fetch_options_check(lua_State *L, int index, struct buf *text,
                         const struct json_bound *bound,
                         struct fetch_request *request) {
  struct reading reading = {.request = request, .text = text, .bound = bound};
  *request = (struct fetch_request){.url = request->url,
                                    .timeout_ms = TIMEOUT_MS,
                                    .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                    .max_bytes = MAX_BYTES,
                                    .done = request->done,
                                    .arg = request->arg};
  text->len = 0;
  if (!lua_isnoneornil(L, index)) {
    luaL_checktype(L, index, LUA_TTABLE);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
      read_option(L, &reading);
  }
  check_together(L, &reading);
  add_traceparent(&reading);
  buf_reserve(text, 1); /* so that there is a start */
  const char *start = text->data;
  request->headers =
      (struct fetch_headers){start + reading.headers_at, reading.headers_len};
  if (!reading.has_json)
    return;
  request->body = start + reading.json_at;
  request->body_len = reading.json_len;
  request->body_type = "application/json";
}
