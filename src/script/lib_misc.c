/* SPDX-License-Identifier: MIT
 * Log lines, tokens, the clock and facts for scripts. */
#include "script/lib_misc.h"

#include "auth/jwt.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "script/generation.h"
#include "script/json.h"
#include "wire/json.h"

#include <lauxlib.h>
#include <string.h>
#include <time.h>

/* --- log ---------------------------------------------------------------- */

/* What fits into a line of the log; base/log says that it was cut. */
struct line {
  char text[LOG_LINE_BYTES + 1];
  size_t len;
};

static bool is_line_full(const struct line *line) {
  return line->len == LOG_LINE_BYTES;
}

static void add_line_text(struct line *line, const char *text) {
  while (*text && !is_line_full(line))
    line->text[line->len++] = *text++;
  line->text[line->len] = '\0';
}

/* The value at `index`, as tostring gives it. */
static void add_value(lua_State *L, struct line *line, int index) {
  add_line_text(line, luaL_tolstring(L, index, NULL));
  lua_pop(L, 1);
}

/* " key=value" for each entry of the table at index 2, as many as fit. */
static void add_fields(lua_State *L, struct line *line) {
  lua_pushnil(L);
  while (lua_next(L, 2)) { /* key value */
    add_line_text(line, " ");
    add_value(L, line, -2);
    add_line_text(line, "=");
    add_value(L, line, -1);
    lua_pop(L, 1);
    if (is_line_full(line))
      return;
  }
}

/* Generation, file and line of the script. */
static void begin_line(lua_State *L, struct line *line) {
  line->len = 0;
  lua_pushfstring(L, "gen=%d ", (int)generation_of(L)->number);
  add_line_text(line, lua_tostring(L, -1));
  luaL_where(L, 1);
  add_line_text(line, lua_tostring(L, -1));
  lua_pop(L, 2);
}

/* (text, fields?) */
static int write_script_line(lua_State *L, enum log_level level) {
  if (!log_enabled(level))
    return 0;
  struct line line;
  lua_settop(L, 2);
  begin_line(L, &line);
  add_value(L, &line, 1);
  if (!lua_isnil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    add_fields(L, &line);
  }
  log_write(level, "%s", line.text);
  return 0;
}

static int log_debug_line(lua_State *L) {
  return write_script_line(L, LOG_DEBUG);
}

static int log_info_line(lua_State *L) {
  return write_script_line(L, LOG_INFO);
}

static int log_warn_line(lua_State *L) {
  return write_script_line(L, LOG_WARN);
}

static int log_error_line(lua_State *L) {
  return write_script_line(L, LOG_ERROR);
}

/* --- jwt ---------------------------------------------------------------- */

static const struct jwt_key *jwt_key_of(lua_State *L) {
  return generation_of(L)->host->key;
}

static int sign_token(lua_State *L) {
  const struct jwt_key *key = jwt_key_of(L);
  struct buf *claims = &generation_of(L)->scratch;
  char *token = NULL;
  luaL_checktype(L, 1, LUA_TTABLE);
  buf_reset(claims, GENERATION_SCRATCH_KEEP);
  json_encode(L, 1, claims, &generation_of(L)->sending);
  buf_putc(claims, 0);
  int err = jwt_sign(key, claims->data, &token);
  if (err)
    return luaL_error(L, "these claims cannot be signed with this key");
  /* Without memory this raises and the token is lost: it is small, and the
   * Lua state is at its limit anyway. */
  lua_pushstring(L, token);
  mem_free(token);
  return 1;
}

static int push_verified_claims(lua_State *L) {
  const struct jwt_claims *claims = lua_touserdata(L, 1);
  json_decode(L, claims->json, strlen(claims->json));
  return 1;
}

/* A script does not wait for keys to be fetched: it may try again. */
static int ask_for_key(const struct jwt_key *key) {
  refill_ticket ticket = 0;
  uint64_t later_ms;
  struct refill *refill = jwt_key_refill(key);
  if (!refill)
    return ERR_INVALID_TOKEN;
  (void)refill_ask(refill, &ticket, &later_ms);
  return ERR_UNAVAILABLE;
}

static int verify_token(lua_State *L) {
  const struct jwt_key *key = jwt_key_of(L);
  struct jwt_claims claims = {0};
  size_t len;
  const char *token = luaL_checklstring(L, 1, &len);
  int err = jwt_verify(key, token, len, time(NULL), &claims);
  if (claims.unknown_key)
    err = ask_for_key(key);
  if (err) {
    const char *why = claims.why;
    jwt_claims_free(&claims);
    lua_pushnil(L);
    lua_pushstring(L, err_name((enum err)err));
    lua_pushstring(L, why);
    return 3;
  }
  lua_pushcfunction(L, push_verified_claims);
  lua_pushlightuserdata(L, &claims);
  int status = lua_pcall(L, 1, 1, 0); /* the claims must be freed first */
  jwt_claims_free(&claims);
  return status == LUA_OK ? 1 : lua_error(L);
}

/* --- time --------------------------------------------------------------- */

static int push_clock(lua_State *L) {
  struct timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  lua_pushnumber(L, (lua_Number)ts.tv_sec + (lua_Number)ts.tv_nsec / 1e9);
  return 1;
}

/* print: what it prints belongs into the log, with the line that said it. */
static int print_line(lua_State *L) {
  int n = lua_gettop(L);
  struct line line;
  begin_line(L, &line);
  for (int i = 1; i <= n && !is_line_full(&line); i++) {
    if (i > 1)
      add_line_text(&line, " ");
    add_value(L, &line, i);
  }
  log_info("%s", line.text);
  return 0;
}

static const luaL_Reg log_functions[] = {
    {"debug", log_debug_line},
    {"info", log_info_line},
    {"warn", log_warn_line},
    {"error", log_error_line},
    {NULL, NULL},
};

static const luaL_Reg jwt_functions[] = {
    {"sign", sign_token},
    {"verify", verify_token},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"now", push_clock},
    {NULL, NULL},
};

void lib_misc_open(lua_State *L) {
  struct generation *generation = generation_of(L);
  lua_pushcfunction(L, print_line);
  lua_setglobal(L, "print");
  luaL_setfuncs(L, functions, 0);
  luaL_newlib(L, log_functions);
  lua_setfield(L, -2, "log");
  luaL_newlib(L, jwt_functions);
  lua_setfield(L, -2, "jwt");
  json_open(L, &generation->sending);
  lua_setfield(L, -2, "json");
  lua_pushinteger(L, (lua_Integer)generation->number);
  lua_setfield(L, -2, "generation");
  lua_pushinteger(L, generation->host->worker);
  lua_setfield(L, -2, "worker");
  const char *vars = generation->config->vars_json;
  json_decode(L, vars, strlen(vars));
  lua_setfield(L, -2, "config");
}
