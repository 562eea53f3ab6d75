/* SPDX-License-Identifier: MIT
 * perigee.fetch: a handler waits for another server's answer. */
#include "script/lib_fetch.h"

#include "base/mem.h"
#include "events/tickets.h"
#include "net/fetch.h"
#include "script/fetch_options.h"
#include "script/generation.h"
#include "script/wait.h"

#include <lauxlib.h>
#include <string.h>

struct waiting {
  struct waiter waiter;
  struct fetch *fetch;
  struct ticket_item after; /* where it waits for events */
};

static int push_fetch_error(lua_State *L, enum fetch_code code,
                            const char *text) {
  lua_pushnil(L);
  lua_pushstring(L, fetch_code_name(code));
  lua_pushstring(L, text);
  return 3;
}

/* A cookie may have a comma in it: these are a list. */
static void add_cookie(lua_State *L, int headers, const char *value) {
  static const char name[] = "set-cookie";
  if (lua_getfield(L, headers, name) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, headers, name);
  }
  lua_pushstring(L, value);
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
  lua_pop(L, 1);
}

static void add_answer_header(lua_State *L, int headers, const char *name,
                              const char *value) {
  if (!strcmp(name, "set-cookie")) {
    add_cookie(L, headers, value);
    return;
  }
  if (lua_getfield(L, headers, name) == LUA_TNIL)
    lua_pushstring(L, value);
  else
    lua_pushfstring(L, "%s, %s", lua_tostring(L, -1), value);
  lua_setfield(L, headers, name);
  lua_pop(L, 1);
}

static void push_answer_headers(lua_State *L,
                                const struct fetch_headers *headers) {
  const char *at = headers->text, *end = at + headers->len;
  lua_newtable(L);
  while (at < end) {
    const char *value = at + strlen(at) + 1;
    add_answer_header(L, lua_gettop(L), at, value);
    at = value + strlen(value) + 1;
  }
}

static int push_fetched(lua_State *L, struct waiter *waiter) {
  const struct waiting *waiting = container_of(waiter, struct waiting, waiter);
  const struct fetch_result *result = fetch_result(waiting->fetch);
  if (result->code != FETCH_OK)
    return push_fetch_error(L, result->code, result->text);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, result->status);
  lua_setfield(L, -2, "status");
  push_answer_headers(L, &result->headers);
  lua_setfield(L, -2, "headers");
  lua_pushlstring(L, result->body, result->body_len);
  lua_setfield(L, -2, "body");
  return 1;
}

static void end_fetching(struct waiter *waiter) {
  struct waiting *waiting = container_of(waiter, struct waiting, waiter);
  list_remove(&waiting->after.node);
  fetch_free(waiting->fetch);
  mem_free(waiting);
}

static const struct waiter_kind fetching = {"fetch", push_fetched,
                                            end_fetching};

static void on_fetch_complete(struct fetch *fetch, void *arg) {
  struct waiting *waiting = arg;
  (void)fetch;
  wait_wake(&waiting->waiter);
}

/* What the other side sees may follow from events that are not in the outbox
 * yet: then it waits for that. */
static void go_on_fetching(struct ticket_item *item) {
  fetch_go(container_of(item, struct waiting, after)->fetch);
}

/* (url, opts?) */
static int fetch_url(lua_State *L) {
  struct generation *generation = generation_of(L);
  struct fetch_request request = {0};
  const char *why = "there is a zero byte in it";
  size_t len;
  wait_check(L, "fetch");
  lua_settop(L, 2);
  request.url = luaL_checklstring(L, 1, &len);
  buf_reset(&generation->scratch, GENERATION_SCRATCH_KEEP);
  fetch_options_check(L, 2, &generation->scratch, &generation->sending,
                      &request);
  if (strlen(request.url) != len)
    return push_fetch_error(L, FETCH_BAD_URL, why);
  struct waiting *waiting = mem_alloc(sizeof *waiting);
  waiting->waiter.kind = &fetching;
  request.done = on_fetch_complete;
  request.arg = waiting;
  request.held = ticket_queue_add(generation->host->after, &waiting->after,
                                  go_on_fetching);
  enum fetch_code code =
      fetch_start(generation->host->fetcher, &request, &waiting->fetch, &why);
  if (code == FETCH_OK)
    return wait_begin(L, &waiting->waiter);
  list_remove(&waiting->after.node);
  mem_free(waiting);
  return push_fetch_error(L, code, why);
}

void lib_fetch_open(lua_State *L) {
  lua_pushcfunction(L, fetch_url);
  lua_setfield(L, -2, "fetch");
}
